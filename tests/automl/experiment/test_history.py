from automl.experiment.history import History


def test_the_time_between_two_sessions_is_not_time_driven():
    history = History()
    for event, time in [("opened", 100.0), ("closed", 130.0), ("opened", 5000.0)]:
        history.apply({"event": event, "time": time, "state": "stopped"})
    assert history.driven_s == 30.0
    assert history.driven(5012.0) == 42.0


def test_a_session_that_was_cut_off_counts_up_to_its_last_event():
    history = History()
    history.apply({"event": "opened", "time": 100.0})
    history.apply({"event": "promoting", "trial": 0, "time": 140.0})
    history.apply({"event": "opened", "time": 9000.0})
    assert history.driven(9001.0) == 41.0
