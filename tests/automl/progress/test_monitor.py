import json
import time
from pathlib import Path

import pytest
from made import view_of

from automl.experiment.experiment import Experiment
from automl.experiment.journal import Journal as JournalOnDisk
from automl.experiment.resources import Resources
from automl.experiment.settings import Settings
from automl.plan.plan import plan_from_request
from automl.progress.monitor import Monitor
from automl.progress.view import What
from automl.request.request import Request
from automl.request.search import SearchRequest
from automl.session.session import drive
from automl.trial.budget import Budget
from automl.trial.objective import Objective


def settings(*, mode="max", algorithm="asha", confirm_seeds=0, **budget):
    return Settings(
        skill="toy", policy="auto", objectives=(Objective("score", mode),),
        budget=Budget(**{"trials": 4, "epochs": 9, **budget}), seed=0, spec={},
        algorithm=algorithm, confirm_seeds=confirm_seeds,
    )  # fmt: skip


class Journal:
    """Events as the controller writes them, one second apart."""

    def __init__(self):
        self.events = [{"event": "opened", "time": 0.0}]

    def add(self, event, **rest):
        self.events.append({"event": event, **rest, "time": float(len(self.events))})
        return self

    def start(self, trial, epochs=9, **rest):
        return self.add("start", trial=trial, values={}, epochs=epochs, **rest)

    def report(self, trial, epoch, score, decision="continue", **rest):
        metrics = {"score": score}
        return self.add(
            "report", trial=trial, epoch=epoch, metrics=metrics, decision=decision, **rest
        )

    def resume(self, trial, epochs=9, *, is_interrupted=False, **rest):
        event = {"trial": trial, "epochs": epochs, "is_interrupted": is_interrupted}
        return self.add("continue", **event, **rest)

    def finish(self, trial, state, kind=None, message="why"):
        failure = None if kind is None else {"kind": kind, "message": message}
        return self.add("finish", trial=trial, state=state, failure=failure)

    def told(self, asked, root=Path("exp")):
        story = Monitor(root, asked)
        return [(h.what, h.trial, h.text) for event in self.events for h in story.apply(event)]

    def view(self, asked, *, state="running", now=None):
        now = self.events[-1]["time"] if now is None else now
        return view_of(Path("exp"), asked, self.events, state=state, now=now)


@pytest.fixture
def journal():
    return Journal()


@pytest.mark.parametrize(("mode", "gain", "best"), [("max", 0.25, 1), ("min", 0.25, 2)])
def test_the_gain_over_the_default_is_positive_where_it_is_better(journal, mode, gain, best):
    for trial, score in enumerate((0.5, 0.75, 0.25)):
        journal.start(trial).report(trial, 1, score)
    told = journal.view(settings(mode=mode)).best
    assert (told.trial, told.gain, told.default) == (best, gain, 0.5)


def test_a_best_trial_with_the_defaults_has_no_gain(journal):
    assert journal.start(0).report(0, 1, 0.5).view(settings()).best.gain is None


@pytest.mark.parametrize("reason", ["rank 2 of 8", None])
def test_each_decision_is_shown_with_the_reason_that_the_journal_gives(journal, reason):
    why = {} if reason is None else {"reason": reason}
    journal.start(0, **why).report(0, 1, 0.5, "pause", **why).resume(0, **why)
    journal.report(0, 2, 0.5, "stop", **why).start(1).finish(1, "stopped")
    journal.events[-1].update(why)
    texts = [text for what, _, text in journal.told(settings()) if what is not What.REPORTED]
    begun = ["starts", "paused", "resumes, to epoch 9", "stopped"]
    suffix = "" if reason is None else f": {reason}"
    assert texts == [*(text + suffix for text in begun), "starts", f"ends{suffix}"]


def test_a_start_names_the_numbers_that_differ_from_the_defaults_the_farthest_first(journal):
    values = {"a.flip": True, "a.p": 0.5, "a.lr": 0.001, "a.width": 8}
    journal.add("start", trial=0, epochs=9, values=values)
    other = {"a.flip": False, "a.p": 0.6, "a.lr": 0.1, "a.width": 8}
    journal.add("start", trial=1, epochs=9, values=other)
    first, second = journal.view(settings()).recent
    assert (first.detail, second.detail) == ("", "lr=0.1, p=0.6")


def test_failures_are_counted_by_kind_and_told_with_their_log(journal):
    journal.start(0).finish(0, "failed", "crashed").start(1).finish(1, "failed", "crashed")
    journal.start(2).finish(2, "failed", "infeasible", "size is 2, which breaks size<=1")
    told = journal.told(settings())
    assert (What.FAILED, 0, "failed (crashed): why (log: exp/trials/0000/log.txt)") in told
    assert told[-1][::2] == (
        What.INFEASIBLE, "infeasible, not trained: size is 2, which breaks size<=1",
    )  # fmt: skip
    assert journal.view(settings()).failures == {"crashed": 2, "infeasible": 1}


def test_a_trial_that_fails_is_no_longer_the_best(journal):
    journal.start(0).report(0, 1, 0.5).start(1).report(1, 1, 0.9).finish(1, "failed", "crashed")
    view = journal.start(2).report(2, 1, 0.6).view(settings())
    assert (view.best.trial, view.best_curve) == (2, (0.5, 0.9, 0.6))


def test_the_view_of_thousands_of_trials_is_made_at_once():
    """It is made twice a second beside a search, of which it must take no part."""
    story = Monitor(Path("exp"), settings(trials=5000))
    journal = Journal()
    for trial in range(5000):
        journal.start(trial)
        for epoch in range(1, 5):
            journal.report(trial, epoch, trial / 5000)
        journal.finish(trial, "paused")
    for event in journal.events:
        story.apply(event)
    begun = time.process_time()
    assert story.view("running", 1e6).best.trial == 4999
    assert time.process_time() - begun < 0.3  # Measured: 0.012.


def test_a_lost_worker_and_a_halved_batch_are_told(journal):
    died = {"state": "failed", "failure": {"kind": "lost", "message": "the worker died"}}
    journal.start(0).report(0, 1, 0.5).add("lost", trial=0, **died)
    journal.resume(0, is_interrupted=True).add("halved", trial=0, adjusted={"batch": 4}, **died)
    texts = [text for _, _, text in journal.told(settings())]
    assert texts[-3:] == [
        "lost its worker (the worker died)",
        "resumes after epoch 1",
        "ran out of memory; retrying with half the batch size (batch=4)",
    ]


def test_a_trial_with_a_sooner_last_epoch_is_told(journal):
    journal.start(0).report(0, 1, 0.5)
    journal.add("shortened", trial=0, epochs=3, adjusted={"epochs": 3}, reason="no time")
    texts = [text for _, _, text in journal.told(settings())]
    assert texts[-1] == "is shortened to 3 epochs: no time"
    journal.resume(0, is_interrupted=True).report(0, 2, 0.6)
    assert [text for _, _, text in journal.told(settings())][-1].startswith("epoch 2/3 ")


def test_time_left_follows_the_measured_pace_and_says_when_it_is_an_upper_bound(journal):
    journal.start(0).add("noted").report(0, 1, 0.5)  # Ended at 3 s: the start took its part.
    assert journal.view(settings()).left is None
    journal.add("noted").report(0, 2, 0.5)  # At 5 s: an epoch takes 2 s.
    left = journal.view(settings()).left  # 4 trials of 9 epochs are asked for.
    assert (left.seconds, left.is_at_most) == ((4 * 9 - 2) * 2.0, True)
    left = journal.view(settings(budget_epochs=6)).left
    assert (left.seconds, left.is_at_most) == (4 * 2.0, False)
    left = journal.view(settings(time_s=10)).left
    assert (left.seconds, left.is_at_most) == (5.0, False)


def test_time_left_waits_for_more_epochs_than_trials_ran_at_once(journal):
    journal.start(0).start(1).report(0, 1, 0.5).report(1, 1, 0.5)
    assert journal.view(settings()).left is None
    assert journal.report(0, 2, 0.5).view(settings()).left.seconds == (4 * 9 - 3) * 1.0


def test_time_left_counts_the_repeats_of_the_confirmation(journal):
    asked = settings(confirm_seeds=2, trials=1, epochs=2)
    journal.start(0, 2).report(0, 1, 0.5).add("noted").report(0, 2, 0.5)
    assert journal.view(asked).left.seconds == 2 * 2 * 2 * 2.0
    journal.finish(0, "completed").start(1, 1, confirms=0, reason="a fresh seed")
    view = journal.view(asked)
    assert view.phase == "confirming"
    assert view.running[0].note == "a fresh seed"


def test_budget_used_is_told_for_each_limit_and_a_copy_pays_only_its_own_epochs(journal):
    journal.start(0).report(0, 1, 0.1).report(0, 2, 0.2)
    journal.start(1, parent=0, reason="a copy").report(1, 3, 0.3)
    view = journal.view(settings(budget_epochs=10, time_s=50))
    used = [(limit.name, limit.used, limit.limit) for limit in view.limits]
    assert used == [("trials", 2, 4), ("epochs", 3, 10), ("seconds", 5.0, 50)]
    [_, at_most] = journal.view(settings()).limits
    assert (at_most.limit, at_most.is_asked) == (4 * 9, False)
    assert view.running[1].note == "a copy"


def test_a_running_trial_has_its_curve_and_the_time_it_was_trained(journal):
    journal.start(0).report(0, 1, 0.1, "pause").add("noted").add("noted").resume(0).report(
        0, 2, 0.2
    )
    [trial] = journal.view(settings(), now=8.0).running
    assert (trial.epoch, trial.value, trial.curve) == (2, 0.2, (0.1, 0.2))
    assert trial.seconds == 1 + 1 + 2
    assert journal.view(settings(), state="interrupted").running == ()


def test_an_interrupted_trial_waits_until_the_resumed_session_takes_it_up(journal):
    journal.start(0).report(0, 1, 0.1).start(1).add("opened")
    view = journal.view(settings(), now=90.0)
    assert view.running == () and view.states == {"interrupted": 2}
    [trial] = journal.resume(0, is_interrupted=True).view(settings(), now=9.0).running
    assert (trial.trial, trial.seconds) == (0, 3 - 1 + 9 - 5)


@pytest.fixture(scope="module")
def searched(tmp_path_factory):
    """Return the folder of a real search that pauses, fails and promotes."""
    folder = tmp_path_factory.mktemp("story")
    request = Request(
        skill="toy", data=str(folder), out=folder / "exp", tracker="none",
        search=SearchRequest(trials=8, epochs=9, algorithm="asha"),
        resources=Resources(runner="local"), overrides={"train.fail": "wide"},
    )  # fmt: skip
    plan_from_request(request).write()
    drive(folder / "exp")
    return folder / "exp"


def test_the_view_of_a_real_search_says_what_the_experiment_says(searched):
    experiment = Experiment.load(searched)
    events = list(JournalOnDisk(searched / "journal.jsonl").read())
    view = view_of(searched, experiment.settings, events, state="finished", now=events[-1]["time"])
    trials = experiment.history.trials.values()
    assert view.best.value == experiment.value_of(experiment.best)
    assert sum(view.states.values()) == len(trials) == 8
    assert view.failures["out_of_memory"] == sum(t.failure is not None for t in trials) > 0
    assert view.epochs == sum(t.epoch for t in trials)
    assert view.model == experiment.promotion["onnx"]
    wanted = {What.STARTED, What.PAUSED, What.CONTINUED, What.FAILED, What.COMPLETED}
    wanted |= {What.PROMOTING, What.PROMOTED, What.CLOSED}
    assert wanted <= {happening.what for happening in view.recent}


def test_every_moment_of_a_real_search_has_a_view_and_a_phase(searched):
    events = list(JournalOnDisk(searched / "journal.jsonl").read())
    asked = Experiment.load(searched).settings
    phases = []
    for cut in range(len(events) + 1):
        view = view_of(searched, asked, events[:cut], state="running", now=0.0)
        phases += [view.phase] if view.phase not in phases[-1:] else []
        json.dumps(view.to_dict())
    assert phases == ["starting", "searching", "promoting"]
