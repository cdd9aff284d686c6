import pytest

from automl.errors import UsageError
from automl.request.durations import check_hang_limit, seconds


def test_hours_minutes_and_seconds_are_read():
    texts = ("2h", "90m", "1h30m", "45s", "5min")
    assert [seconds(text) for text in texts] == [7200, 5400, 5400, 45, 300]


@pytest.mark.parametrize("text", ["", "soon", "90", "2 hours", "30m1h", "-1h", "1.5h"])
def test_another_text_is_refused_with_the_forms(text):
    with pytest.raises(UsageError, match="is not a duration: .* as 2h, 90m, 1h30m or 45s"):
        seconds(text)


@pytest.mark.parametrize("text", ["0s", "soon", "on"])
def test_a_hang_limit_is_a_duration_or_off(text):
    check_hang_limit("off")
    check_hang_limit("10m")
    with pytest.raises(UsageError, match="--hang-limit: .* or off"):
        check_hang_limit(text)
