from automl.experiment.state import ExperimentState


def test_the_time_between_two_sessions_is_not_time_driven():
    ledger = ExperimentState()
    for event, time in [("opened", 100.0), ("closed", 130.0), ("opened", 5000.0)]:
        ledger.apply({"event": event, "time": time, "state": "stopped"})
    assert ledger.driven_s == 30.0
    assert ledger.driven(5012.0) == 42.0


def test_a_session_that_was_cut_off_counts_up_to_its_last_event():
    ledger = ExperimentState()
    ledger.apply({"event": "opened", "time": 100.0})
    ledger.apply({"event": "promoting", "trial": 0, "time": 140.0})
    ledger.apply({"event": "opened", "time": 9000.0})
    assert ledger.driven(9001.0) == 41.0
