import pytest

from automl.errors import UsageError
from automl.skill.failures import failure_from_error, faults_of_the_user


class SkillError(Exception):
    def __init__(self, kind):
        super().__init__("data.root: holds\nno images")
        self.kind = kind


@pytest.mark.parametrize("kind", ["usage", "bad_data"])
def test_a_mistake_of_the_user_keeps_its_kind_and_its_plain_message(kind):
    with pytest.raises(UsageError) as caught, faults_of_the_user():
        raise SkillError(kind)
    failure = failure_from_error(caught.value)
    assert (failure.kind, failure.message) == (kind, "data.root: holds no images")


def test_an_error_without_a_kind_is_a_crash_with_its_class():
    failure = failure_from_error(ValueError("no room"))
    assert (failure.kind, failure.message) == ("crashed", "ValueError: no room")
