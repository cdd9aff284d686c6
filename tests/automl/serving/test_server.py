import pytest

from automl.errors import UsageError
from automl.serving.app import Limits
from automl.serving.server import serve


def test_a_skill_whose_models_cannot_be_served_says_so(tmp_path):
    with pytest.raises(UsageError, match="toy: its models cannot be served"):
        serve("toy", tmp_path, Limits())


def test_limits_that_let_nothing_through_are_refused(automl):
    done = automl("serve", "e", "--batch", "0", "--timeout", "-1")
    assert done.returncode == 2
    assert "--batch: 0 is not allowed" in done.stderr and "--timeout: -1" in done.stderr
