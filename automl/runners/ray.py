"""Makes Ray Tune obey the searcher: a Ray searcher and a scheduler that forward to the driver.

One Ray trial is a slot: it runs tasks one after another, as long as there is one to start. A task
is a run of one of our trials from its last checkpoint. What the driver answers to a result, the
decision or the next task, reaches the slot by Ray's key-value store, since Tune can only continue
or stop. A Ray trial for each task would cost more than a short training: for a trial that waits,
Tune may start a worker, which loads for seconds, and drop it for one that has become free.

Ray's own state is never needed again.
"""

import json
import queue
import threading
from collections.abc import Callable
from typing import Any

from ray import tune
from ray.experimental import internal_kv
from ray.tune.experiment import Trial as RayTrial
from ray.tune.schedulers import FIFOScheduler
from ray.tune.search import ConcurrencyLimiter
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

    def __init__(self, resources: Resources, meanwhile: Callable[[], None]) -> None:
        self.resources = resources
        self._meanwhile = meanwhile

    def run(self, driver: Driver) -> None:
        """Run tasks until the driver has no more; Ray is shut down at the end."""
        with (
            ray_session(self.resources.address, self._meanwhile) as folder,
            staged_in(folder),
        ):
            share, concurrency = shares(self.resources, amounts_by_node())
            slots = _Slots(driver)
            tune.run(
                SlotTrainable,
                resources_per_trial=share,
                search_alg=ConcurrencyLimiter(_Suggestions(slots), max_concurrent=concurrency),
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


class SlotTrainable(tune.Trainable):
    """Runs tasks in a process of its own; each step lets one train up to its next result.

    A result is a report, or the outcome with which a task ends. A thread attends the process. Tune
    asks for one result at a time, and a skill calls back once an epoch: the two meet in a pair of
    queues. The next `step` passes on what the driver answered in between: a decision, on which the
    training continues or ends itself, or after an outcome the next task.

    The thread starts with the first step, since Tune may set up two actors for one slot and then
    use one of them.
    """

    _process: TrainingProcess | None = None

    def setup(self, config: dict[str, Any]) -> None:
        """Take the first task."""
        self._results: queue.Queue[dict[str, Any]] = queue.Queue()
        self._decisions: queue.Queue[Decision] = queue.Queue()
        self._task = Task(**json.loads(config["task"]))
        self._ray_id = str(config["ray_id"])
        # Ray's worker may outlive its raylet, and would then train on.
        die_with_parent()
        self._thread: threading.Thread | None = None

    def step(self) -> dict[str, Any]:
        """Return the next report or outcome."""
        answer = _answer_to(self._ray_id, self.training_iteration)
        if "task" in answer:
            self._task, self._thread = Task(**answer["task"]), None
        if self._thread is None:
            self._thread = threading.Thread(target=self._train, args=[self._task], daemon=True)
            self._thread.start()
        else:
            self._decisions.put(Decision(answer.get("decision", Decision.CONTINUE)))
        return self._results.get()

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        """End the old task, if one runs, and take a new one in this same actor."""
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

    def _train(self, task: Task) -> None:
        def report(epoch: int, metrics: dict[str, float]) -> Decision:
            self._results.put({"report": json.dumps([epoch, metrics])})
            return self._decisions.get()

        self._process = self._process or TrainingProcess()
        outcome = self._process.run(task, report)
        # Tune flattens and renames nested results; a text it leaves alone.
        self._results.put({"outcome": json.dumps(outcome.to_dict())})


class _Slots:
    """Which slot runs which of our trials; forwards to the driver, from Tune's one loop.

    An error of the driver itself is never a trial's: it is kept here and ends the run, and trials
    in flight are left unfinished, so that a resume trains them to their end.
    """

    def __init__(self, driver: Driver) -> None:
        self.driver = driver
        self.live: dict[str, int] = {}
        self.faults: dict[str, ReportError] = {}
        """Of slots whose task reported what makes no sense: they are told to stop."""
        self.is_done = False
        self.error: Exception | None = None
        """What the driver raised; the runner raises it when Tune has ended."""
        self.is_driver_broken = False
        """Whether the driver can no longer be called."""

    def __getstate__(self) -> dict[str, Any]:
        """Leave everything behind: Tune pickles its parts for a restore that we never ask for."""
        return {}

    def take(self, ray_id: str) -> Task | None:
        """Return a task for a free slot; None if nothing is to start now."""
        if self.is_done:
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
        """Forward a report."""
        try:
            return self.driver.report(self.live[ray_id], epoch, metrics)
        except ReportError as error:
            self.faults[ray_id] = error
        except Exception as error:
            self._break(error)
        return Decision.STOP

    def finish(self, ray_id: str, outcome: Outcome) -> None:
        """Forward an outcome once; Tune reports some ends twice."""
        trial = self.live.pop(ray_id, None)
        fault = self.faults.pop(ray_id, None)
        if trial is None or self.is_driver_broken:
            return
        if fault is not None:
            outcome = Outcome(TrialState.FAILED, failure_from_error(fault))
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
    """Ray's searcher: opens a slot when there is a task to start, never ahead of time."""

    def __init__(self, slots: _Slots) -> None:
        super().__init__(metric="training_iteration", mode="max")
        self._slots = slots

    def suggest(self, trial_id: str) -> Any:
        """Return the config of a slot, None to wait, or FINISHED."""
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
    """Ray's scheduler: forwards reports and outcomes, and passes on what the driver answers."""

    def __init__(self, slots: _Slots) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._slots = slots

    def on_trial_result(
        self,
        tune_controller: Any,
        trial: RayTrial,
        result: dict[str, Any],
    ) -> str:
        """Answer a result; a slot ends when an outcome leaves nothing to start."""
        slots, ray_id, number = self._slots, trial.trial_id, result["training_iteration"]
        if slots.is_driver_broken:
            return str(self.STOP)
        if "report" in result:
            decision = slots.report(ray_id, *json.loads(result["report"]))
            if decision is not Decision.CONTINUE:
                # The task ends itself before the trial counts as ended: it may come back in the
                # same folder, perhaps at once and in another worker.
                _answer(ray_id, number, {"decision": decision.value})
            return str(self.CONTINUE)
        slots.finish(ray_id, Outcome.from_dict(json.loads(result["outcome"])))
        task = slots.take(ray_id)
        if task is None:
            return str(self.STOP)
        _answer(ray_id, number, {"task": task.to_dict()})
        return str(self.CONTINUE)

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


def _answer(ray_id: str, number: int, answer: dict[str, Any]) -> None:
    """Tell a slot what follows its result of a number; no answer means that it continues."""
    text = json.dumps({"number": number, **answer}).encode()
    internal_kv._internal_kv_put(_key(ray_id), text)


def _answer_to(ray_id: str, number: int) -> dict[str, Any]:
    """Return what the driver answered to a slot's result of a number; called in a worker."""
    text = internal_kv._internal_kv_get(_key(ray_id)) if number else None
    answer: dict[str, Any] = {} if text is None else json.loads(text)
    return answer if answer.get("number") == number else {}


def _key(ray_id: str) -> str:
    return f"automl/answer/{ray_id}"


def _name_of(trial: RayTrial) -> str:
    return f"{trial.config['trial']:04d}-{trial.trial_id}"


def _last_line(path: str) -> str:
    with open(path) as file:  # noqa: PTH123 - Ray's path is a text
        lines = [line.strip() for line in file if line.strip()]
    return lines[-1] if lines else ""


def _first_sentence(text: str) -> str:
    return text.split(". ", maxsplit=1)[0]
