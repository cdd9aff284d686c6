import pytest

from automl.experiment.history import History
from automl.session.patience import FIRST_S, LEAST_S, TIMES, Patience


@pytest.mark.parametrize(
    ("limit", "longest_s", "silence_s"),
    [("auto", 0.0, FIRST_S), ("auto", 1.0, LEAST_S), ("auto", 900.0, TIMES * 900.0),
     ("90s", 900.0, 90.0), ("off", 900.0, None)],
)  # fmt: skip
def test_the_limit_of_silence_follows_the_longest_epoch_or_the_user(limit, longest_s, silence_s):
    assert Patience(limit, longest_s).silence_s == silence_s


def test_a_resumed_session_knows_the_epochs_of_earlier_ones():
    history = History()
    report = {"event": "report", "trial": 0, "metrics": {}, "decision": "continue"}
    for event in (
        {"event": "opened", "elapsed": 0.0},
        {"event": "start", "trial": 0, "values": {}, "epochs": 2, "elapsed": 1.0},
        {**report, "epoch": 1, "elapsed": 51.0},
        {**report, "epoch": 2, "elapsed": 101.0},
    ):
        history.apply({**event, "time": 0.0})
    assert Patience.of("auto", history).longest_s == 50.0
