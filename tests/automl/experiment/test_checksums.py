import pytest

from automl.errors import UsageError
from automl.experiment.checksums import check_file, checksum


@pytest.mark.parametrize(("now", "may_accept"), [("a: 2\n", True), ("", False), ("[1]\n", False)])
def test_only_a_file_that_somebody_may_have_edited_can_be_accepted(tmp_path, now, may_accept):
    path = tmp_path / "space.yaml"
    path.write_text(now)
    with pytest.raises(UsageError, match="its checksum is wrong; put it back") as caught:
        check_file(path, {"space.yaml": checksum(b"a: 1\n")})
    assert ("fsck" in str(caught.value)) is may_accept
