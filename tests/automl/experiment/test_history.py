from made import made_experiment, start

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


def test_a_trial_that_was_interrupted_before_its_first_report_keeps_its_time():
    history = History()
    events = [{"event": "opened"}, start(0), {"event": "closed", "state": "stopped"},
              {"event": "opened"}, {"event": "continue", "trial": 0, "epochs": 3}]  # fmt: skip
    for time, event in zip((0.0, 1.0, 31.0, 900.0, 901.0), events, strict=True):
        history.apply({**event, "time": time})
    assert history.trials[0].seconds == 30.0
    history.apply({"event": "closed", "state": "stopped", "time": 905.0})
    assert history.trials[0].seconds == 34.0


def test_a_trial_whose_driver_was_killed_counts_up_to_the_last_event(tmp_path):
    events = [{"event": "opened"}, start(0), start(1), {"event": "promoting", "trial": 0}]
    trials = made_experiment(tmp_path / "exp", *events).history.trials
    assert (trials[0].seconds, trials[1].seconds) == (2.0, 1.0)
