"""Requests by hand while the controller runs: the test is runner and person at once."""

from automl.experiment.journal import Journal
from automl.experiment.requests import ask_to_add, ask_to_stop, pending
from automl.trial.moves import Done
from automl.trial.trial import Decision, Failure, FailureKind, Outcome, TrialState

METRICS = {"score": 0.5, "loss": 1.0}
CRASHED = Outcome(TrialState.FAILED, Failure(FailureKind.CRASHED, "why"))


def train(controller, task):
    for epoch in (1, 2):
        controller.report(task.trial, epoch, METRICS)
    controller.finish(task.trial, Outcome(TrialState.COMPLETED))


def journal(controller):
    return list(Journal(controller.experiment.paths.journal).read())


def other_values(controller, **changes):
    return {**controller.experiment.history.trials[0].values, **changes}


def test_a_running_trial_stops_at_its_next_report(make):
    controller = make(epochs=4)
    task = controller.next()
    ask_to_stop(controller.experiment.paths, task.trial)
    assert controller.report(0, 1, METRICS) is Decision.STOP
    controller.finish(0, Outcome(TrialState.STOPPED))
    last = journal(controller)[-2:]
    assert (last[0]["reason"], last[1]["state"]) == ("stopped by hand", "stopped")
    assert not list(pending(controller.experiment.paths))


def test_a_stop_that_a_killed_driver_had_journaled_is_carried_out_by_the_resume(make):
    controller = make(epochs=4)
    controller.next()
    ask_to_stop(controller.experiment.paths, 0)
    assert controller.next().trial == 1  # The other worker asks, and the request is journaled.
    resumed = make()
    assert resumed.next().trial == 1
    trial = resumed.experiment.history.trials[0]
    assert (trial.state, trial.reports) == (TrialState.STOPPED, [])


def test_a_trial_that_crashes_after_a_stop_was_requested_is_not_tried_again(make):
    controller = make(epochs=4)
    controller.next()
    controller.report(0, 1, METRICS)
    ask_to_stop(controller.experiment.paths, 0)
    controller.next()
    controller.finish(0, CRASHED)
    assert controller.next().trial == 2
    assert controller.experiment.history.trials[0].state is TrialState.STOPPED


def test_a_paused_trial_is_stopped_at_once_and_never_resumed(make):
    controller = make(algorithm="asha", epochs=9, trials=4)
    for number in range(3):
        assert controller.next().trial == number
        epoch = 1
        while controller.report(number, epoch, METRICS) is Decision.CONTINUE:
            epoch += 1
        controller.finish(number, Outcome(TrialState.PAUSED))
    ask_to_stop(controller.experiment.paths, 2)
    assert controller.next().trial != 2
    assert controller.experiment.history.trials[2].state is TrialState.STOPPED


def test_an_added_trial_starts_before_the_searchers_own_and_beyond_the_budget(make):
    controller = make(trials=2)
    train(controller, controller.next())
    values = other_values(controller, **{"train.lr": 0.05})
    request = ask_to_add(controller.experiment.paths, values)
    tasks = []
    while not isinstance(task := controller.next(), Done):
        tasks.append(task.trial)
        train(controller, task)
    assert tasks == [1, 2]
    added = controller.experiment.history.trials[1]
    assert (added.values, added.reason, added.request) == (values, "added by hand", request.id)
    assert not list(pending(controller.experiment.paths))


def test_a_search_of_which_all_trials_have_ended_trains_one_that_is_added(make):
    controller = make(trials=1)
    train(controller, controller.next())
    values = other_values(controller, **{"train.lr": 0.05})
    ask_to_add(controller.experiment.paths, values)
    assert not controller.is_settled()
    assert controller.next().trial == 1


def test_a_resume_knows_the_added_trial_and_starts_what_was_not_added_yet(make):
    controller = make(trials=2)
    train(controller, controller.next())
    first, second = (other_values(controller, **{"train.lr": lr}) for lr in (0.05, 0.06))
    request = ask_to_add(controller.experiment.paths, first)
    train(controller, controller.next())
    # The driver was killed before it removed the file; the second came while nothing ran.
    path = controller.experiment.paths.requests / f"{request.id}.json"
    path.write_text('{"action": "add", "values": {}}')
    ask_to_add(controller.experiment.paths, second)
    resumed = make()
    tasks = []
    while not isinstance(task := resumed.next(), Done):
        tasks.append(task.trial)
        train(resumed, task)
    trials = resumed.experiment.history.trials
    assert (trials[1].values, trials[2].values, tasks) == (first, second, [2, 3])
    assert resumed.experiment.history.added == 2 and not path.exists()


def test_what_cannot_be_done_is_refused_with_the_reason_in_the_journal(make):
    controller = make(trials=1)
    train(controller, controller.next())
    paths = controller.experiment.paths
    ask_to_stop(paths, 0)
    ask_to_stop(paths, 7)
    ask_to_add(paths, other_values(controller))
    ask_to_add(paths, other_values(controller, **{"train.lr": 1e9}))
    (paths.requests / "x.json").write_text("{}")
    assert isinstance(controller.next(), Done)
    assert [event["reason"] for event in journal(controller) if event["event"] == "refused"] == [
        "trial 0000 has ended", "there is no trial 7", "is not a request to stop or to add a trial",
        "trial 0000 has these values",
        "train.lr: 1000000000.0 is outside its range",
    ]  # fmt: skip
    assert not list(pending(paths))
    assert isinstance(make().next(), Done)  # A resume reads over the refusals.


def test_out_of_time_nothing_is_added(make):
    train(controller := make(trials=2), controller.next())
    late = make(time_s=1e-6)
    ask_to_add(late.experiment.paths, other_values(late, **{"train.lr": 0.05}))
    assert isinstance(late.next(), Done)
    assert journal(late)[-1]["reason"] == "the time of the budget is spent"


def test_a_request_after_the_last_trial_is_refused_when_the_session_finishes(make):
    controller = make(trials=1)
    train(controller, controller.next())
    assert isinstance(controller.next(), Done)
    ask_to_add(controller.experiment.paths, other_values(controller, **{"train.lr": 0.05}))
    controller.close("finished")
    refused, closed = journal(controller)[-2:]
    assert (refused["reason"], closed["state"]) == ("the search is over", "finished")
