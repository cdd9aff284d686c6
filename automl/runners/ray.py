"""Makes Ray Tune obey the searcher: a Ray searcher and a scheduler that forward to the driver.

One Ray trial is one task: a run of one of our trials from its last checkpoint. A paused or
interrupted trial comes back as a new Ray trial, so Ray's own state is never needed again.
"""

import json
import queue
import threading
from typing import Any

from ray import tune
from ray.experimental import internal_kv
from ray.tune.experiment import Trial as RayTrial
from ray.tune.schedulers import FIFOScheduler
from ray.tune.search import Searcher as RaySearcher

from automl.errors import RunFailed
from automl.experiment.resources import Resources
from automl.machine.leash import die_with_parent
from automl.runners.allocation import shares
from automl.runners.base import Driver, Task
from automl.runners.ray_session import amounts_by_node, ray_session, staged_in
from automl.runners.training import TrainingProcess
from automl.skill.failures import failure_from_error
from automl.trial.moves import Done, Wait
from automl.trial.objective import ReportError
from automl.trial.trial import Decision, Failure, FailureKind, Outcome, TrialState


class RayRunner:
    """Runs tasks on Ray, `concurrency` at a time."""

    def __init__(self, resources: Resources) -> None:
        self.resources = resources

    def run(self, driver: Driver) -> None:
        """Run tasks until the driver has no more; Ray is shut down at the end."""
        with (
            ray_session(self.resources.address) as folder,
            staged_in(folder),
        ):
            share, concurrency = shares(self.resources, amounts_by_node())
            slots = _Slots(driver, concurrency)
            tune.run(
                TaskTrainable,
                resources_per_trial=share,
                search_alg=_Suggestions(slots),
                scheduler=_Decisions(slots),
                stop=_DriverFault(slots),
                num_samples=-1,
                reuse_actors=True,
                trial_name_creator=_name_of,
                trial_dirname_creator=_name_of,
                name="tasks",
                storage_path=folder,
                verbose=0,
                raise_on_failed_trial=False,
                # By ray:// a Tuner would move the driver, which writes the experiment, elsewhere.
                _remote=False,
            )
            if slots.error is not None:
                raise slots.error


class TaskTrainable(tune.Trainable):
    """Runs a task in a process of its own; each step lets it train up to its next report.

    A thread attends the process. Tune asks for one result at a time, and a skill calls back once an
    epoch: the two meet in a pair of queues. `step` returns what the training reported last; the
    next `step` passes on the decision that the driver took in between, on which the training
    continues or ends itself.

    The thread starts with the first step, since Tune may set up two actors for one trial and then
    use one of them. The process serves one task after another.
    """

    _process: TrainingProcess | None = None

    def setup(self, config: dict[str, Any]) -> None:
        """Take a task."""
        self._reports: queue.Queue[dict[str, Any]] = queue.Queue()
        self._decisions: queue.Queue[Decision] = queue.Queue()
        self._task = Task(**json.loads(config["task"]))
        self._ray_id = str(config["ray_id"])
        # Ray's worker may outlive its raylet, and would then train on.
        die_with_parent()
        self._thread: threading.Thread | None = None

    def step(self) -> dict[str, Any]:
        """Return the next report, or the outcome with ``done``."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._train, daemon=True)
            self._thread.start()
        else:
            self._decisions.put(_decision_for(self._ray_id))
        return self._reports.get()

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        """End the old task, which was stopped, and take the new one in this same actor."""
        self._stop()
        self.setup(new_config)
        return True

    def cleanup(self) -> None:
        """Stop the task, wait for its end, and end its process."""
        self._stop()
        if self._process is not None:
            self._process.end()

    def _stop(self) -> None:
        if self._thread is not None:
            self._decisions.put(Decision.STOP)
            self._thread.join()

    def save_checkpoint(self, checkpoint_dir: str) -> None:
        """Save nothing: the skill keeps its checkpoints in the trial's folder."""

    def load_checkpoint(self, checkpoint: dict[str, Any] | None) -> None:
        """Load nothing: the skill resumes from the trial's folder."""

    def _train(self) -> None:
        def report(epoch: int, metrics: dict[str, float]) -> Decision:
            self._reports.put({"report": json.dumps([epoch, metrics])})
            return self._decisions.get()

        self._process = self._process or TrainingProcess()
        outcome = self._process.run(self._task, report)
        # Tune flattens and renames nested results; a text it leaves alone.
        self._reports.put({"outcome": json.dumps(outcome.to_dict()), "done": True})


class _Slots:
    """Which Ray trial runs which of our trials; forwards to the driver, from Tune's one loop.

    An error of the driver itself is never a trial's: it is kept here and ends the run, and trials
    in flight are left unfinished, so that a resume trains them to their end.
    """

    def __init__(self, driver: Driver, concurrency: int) -> None:
        self.driver = driver
        self.concurrency = concurrency
        self.live: dict[str, int] = {}
        self.is_done = False
        self.error: Exception | None = None
        """What the driver raised; the runner raises it when Tune has ended."""
        self.is_driver_broken = False
        """Whether the driver can no longer be called."""

    def __getstate__(self) -> dict[str, Any]:
        """Leave everything behind: Tune pickles its parts for a restore that we never ask for."""
        return {}

    def take(self, ray_id: str) -> Task | None:
        """Return a task for a free slot; None if no slot is free or nothing is to start."""
        if self.is_done or len(self.live) >= self.concurrency:
            return None
        move = self._guarded_next()
        if isinstance(move, Task):
            self.live[ray_id] = move.trial
            return move
        self.is_done = isinstance(move, Done)
        return None

    def _guarded_next(self) -> Task | Wait | Done:
        # Tune would log an error of its searcher and continue; ours ends the run.
        try:
            return self.driver.next()
        except RunFailed as error:
            # The search gives up: trials in flight still report and end.
            self.error = error
            return Done()
        except Exception as error:
            self._break(error)
            return Done()

    def report(self, ray_id: str, epoch: int, metrics: dict[str, float]) -> Decision:
        """Forward a report; a trial that must end is finished here."""
        if self.is_driver_broken:
            return Decision.STOP
        try:
            decision = self.driver.report(self.live[ray_id], epoch, metrics)
        except ReportError as error:
            self.finish(ray_id, Outcome(TrialState.FAILED, failure_from_error(error)))
            return Decision.STOP
        except Exception as error:
            self._break(error)
            return Decision.STOP
        if decision is Decision.STOP:
            self.finish(ray_id, Outcome(TrialState.STOPPED))
        elif decision is Decision.PAUSE:
            # The task ends itself before the trial counts as paused: it comes back in the same
            # folder, perhaps at once and in another worker.
            internal_kv._internal_kv_put(_key(ray_id), decision.value)
        return decision

    def finish(self, ray_id: str, outcome: Outcome) -> None:
        """Forward an outcome once; Tune reports some ends twice."""
        trial = self.live.pop(ray_id, None)
        if trial is None or self.is_driver_broken:
            return
        try:
            self.driver.finish(trial, outcome)
        except Exception as error:
            self._break(error)

    def _break(self, error: Exception) -> None:
        self.error = error
        self.is_driver_broken = self.is_done = True


class _DriverFault(tune.Stopper):
    """Ends all of Tune's trials at once when the driver is broken."""

    def __init__(self, slots: _Slots) -> None:
        self._slots = slots

    def __call__(self, trial_id: str, result: dict[str, Any]) -> bool:
        """End no single trial: the scheduler does."""
        return False

    def stop_all(self) -> bool:
        """Whether nothing may run on."""
        return self._slots.is_driver_broken


class _Suggestions(RaySearcher):
    """Ray's searcher: hands out tasks when a slot is free, never ahead of time."""

    def __init__(self, slots: _Slots) -> None:
        super().__init__(metric="training_iteration", mode="max")
        self._slots = slots

    def suggest(self, trial_id: str) -> Any:
        """Return the config of a task, None to wait, or FINISHED."""
        task = self._slots.take(trial_id)
        if task is not None:
            task_text = json.dumps(task.to_dict())
            return {"task": task_text, "trial": task.trial, "ray_id": trial_id}
        return str(RaySearcher.FINISHED) if self._slots.is_done else None

    def on_trial_complete(
        self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False
    ) -> None:
        """Leave it to the scheduler, which gets the same call."""


class _Decisions(FIFOScheduler):
    """Ray's scheduler: forwards reports and ends, and answers with the searcher's decision."""

    def __init__(self, slots: _Slots) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._slots = slots

    def on_trial_result(
        self,
        tune_controller: Any,
        trial: RayTrial,
        result: dict[str, Any],
    ) -> str:
        """Answer a report; a trial that must pause takes one more step, in which it ends."""
        decision = self._slots.report(trial.trial_id, *json.loads(result["report"]))
        return str(self.STOP if decision is Decision.STOP else self.CONTINUE)

    def on_trial_complete(
        self,
        tune_controller: Any,
        trial: RayTrial,
        result: dict[str, Any],
    ) -> None:
        """Forward the outcome that the worker sent."""
        if "outcome" in result:
            self._slots.finish(trial.trial_id, Outcome.from_dict(json.loads(result["outcome"])))

    def on_trial_error(self, tune_controller: Any, trial: RayTrial) -> None:
        """Count a worker that died as lost: its own errors arrive as outcomes."""
        reason = _first_sentence(_last_line(trial.error_file)) if trial.error_file else ""
        message = f"the worker died: {reason or 'no reason known'}"
        self._slots.finish(
            trial.trial_id, Outcome(TrialState.FAILED, Failure(FailureKind.LOST, message))
        )

    def on_trial_remove(self, tune_controller: Any, trial: RayTrial) -> None:
        """Count a trial that Ray gave up before it ran as lost."""
        self._slots.finish(
            trial.trial_id,
            Outcome(TrialState.FAILED, Failure(FailureKind.LOST, "Ray removed the trial")),
        )


def _decision_for(ray_id: str) -> Decision:
    """Return the driver's decision on the last report of a task; called in a worker.

    Tune can only continue or stop a trial. A pause reaches the worker by Ray's key-value store.
    """
    answer = internal_kv._internal_kv_get(_key(ray_id))
    return Decision.CONTINUE if answer is None else Decision(answer.decode())


def _key(ray_id: str) -> str:
    return f"automl/decision/{ray_id}"


def _name_of(trial: RayTrial) -> str:
    return f"{trial.config['trial']:04d}-{trial.trial_id}"


def _last_line(path: str) -> str:
    with open(path) as file:  # noqa: PTH123 - Ray's path is a text
        lines = [line.strip() for line in file if line.strip()]
    return lines[-1] if lines else ""


def _first_sentence(text: str) -> str:
    return text.split(". ", maxsplit=1)[0]
