"""Makes Ray Tune obey the searcher: a Ray searcher and a scheduler that forward to the driver.

One Ray trial is one task: a run of one of our trials from its last checkpoint. A paused or
interrupted trial comes back as a new Ray trial, so Ray's own state is never needed again.
"""

import json
import logging
import os
import queue
import signal
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

# Ray reads these when it is imported.
os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
os.environ.setdefault("RAY_AIR_NEW_OUTPUT", "0")
os.environ.setdefault("TUNE_DISABLE_AUTO_CALLBACK_LOGGERS", "1")
os.environ.setdefault("TUNE_DISABLE_SIGINT_HANDLER", "1")
os.environ.setdefault("TUNE_GLOBAL_CHECKPOINT_S", "1000000")

import ray
from ray import tune
from ray.experimental import internal_kv
from ray.train._internal import storage as tune_storage
from ray.tune.execution.class_cache import ENV_VARS_TO_PROPAGATE
from ray.tune.experiment import Trial as RayTrial
from ray.tune.schedulers import FIFOScheduler
from ray.tune.search import Searcher as RaySearcher

from automl.errors import UsageError
from automl.experiment.resources import Resources
from automl.runners.allocation import shares
from automl.runners.base import Driver, Task, run_task
from automl.runners.cluster import check_answers
from automl.skill.failures import failure_from_error
from automl.trial.moves import Done, Wait
from automl.trial.trial import Decision, Failure, FailureKind, Outcome, TrialState

# Tune would send these to its actors by way of Ray's logs. Workers here inherit them.
ENV_VARS_TO_PROPAGATE.difference_update([n for n in ENV_VARS_TO_PROPAGATE if n.startswith("AWS_")])

_CLIENT_TRIES = 3
"""To join a cluster by ray://."""
_NOT_JOINED = (ConnectionError, RuntimeError, ray.exceptions.RayError)

# A worker's death is told as its trial's failure; Ray would print its trace as well.
for _name in ("ray.tune", "ray.air"):
    logging.getLogger(_name).setLevel(logging.CRITICAL)


class RayRunner:
    """Runs tasks on Ray, `concurrency` at a time."""

    def __init__(self, resources: Resources) -> None:
        self.resources = resources

    def run(self, driver: Driver) -> None:
        """Run tasks until the driver has no more; Ray is shut down at the end."""
        with (
            _ray(self.resources.address),
            tempfile.TemporaryDirectory(prefix="automl-ray-") as storage,
        ):
            share, concurrency = shares(self.resources, _nodes())
            slots = _Slots(driver, concurrency)
            _stage_in(storage)
            tune.run(
                TaskTrainable,
                resources_per_trial=share,
                search_alg=_Suggestions(slots),
                scheduler=_Decisions(slots),
                num_samples=-1,
                reuse_actors=True,
                trial_name_creator=_name_of,
                trial_dirname_creator=_name_of,
                name="tasks",
                storage_path=storage,
                verbose=0,
                raise_on_failed_trial=False,
                # By ray:// a Tuner would move the driver, which writes the experiment, elsewhere.
                _remote=False,
            )
            if slots.error is not None:
                raise slots.error


class TaskTrainable(tune.Trainable):
    """Runs a task in a thread; each step lets it train up to its next report.

    The thread starts with the first step, for Tune may set up two actors for one trial and then
    use one of them. It ends of itself when it is told to stop, which frees its memory before the
    actor takes the next task.
    """

    def setup(self, config: dict[str, Any]) -> None:
        """Take a task."""
        self._reports: queue.Queue[dict[str, Any]] = queue.Queue()
        self._decisions: queue.Queue[Decision] = queue.Queue()
        self._task = Task(**json.loads(config["task"]))
        self._ray_id = str(config["ray_id"])
        self._thread: threading.Thread | None = None

    def step(self) -> dict[str, Any]:
        """Return the next report, or the outcome with ``done``."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._train, daemon=True)
            self._thread.start()
        else:
            self._decisions.put(_told(self._ray_id))
        return self._reports.get()

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        """End the old task, which was stopped, and start the new one in this same actor."""
        self.cleanup()
        self.setup(new_config)
        return True

    def cleanup(self) -> None:
        """Tell the task to stop and wait until it has."""
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

        outcome = run_task(self._task, report)
        # Tune flattens and renames nested results; a text it leaves alone.
        self._reports.put({"outcome": json.dumps(outcome.to_dict()), "done": True})


class _Slots:
    """Which Ray trial runs which of our trials; forwards to the driver, from Tune's one loop."""

    def __init__(self, driver: Driver, concurrency: int) -> None:
        self.driver = driver
        self.concurrency = concurrency
        self.live: dict[str, int] = {}
        self.is_done = False
        self.error: BaseException | None = None

    def __getstate__(self) -> dict[str, Any]:
        """Leave everything behind: Tune pickles its parts for a restore that we never ask for."""
        return {}

    def take(self, ray_id: str) -> Task | None:
        """Return a task for a free slot; None where there is no slot or nothing to start."""
        if self.is_done or len(self.live) >= self.concurrency:
            return None
        move = self._guarded_next()
        if isinstance(move, Task):
            self.live[ray_id] = move.trial
            return move
        self.is_done = isinstance(move, Done)
        return None

    def _guarded_next(self) -> Task | Wait | Done:
        # Tune would log an error of its searcher and go on; ours ends the run.
        try:
            return self.driver.next()
        except Exception as error:
            self.error = error
            return Done()

    def report(self, ray_id: str, epoch: int, metrics: dict[str, float]) -> Decision:
        """Forward a report; a trial that is to end is finished here."""
        try:
            decision = self.driver.report(self.live[ray_id], epoch, metrics)
        except KeyError as error:
            self.finish(ray_id, Outcome(TrialState.FAILED, failure_from_error(error)))
            return Decision.STOP
        if decision is Decision.STOP:
            self.finish(ray_id, Outcome(TrialState.STOPPED))
        elif decision is Decision.PAUSE:
            # The task ends itself before the trial counts as paused: it comes back in the same
            # folder, perhaps at once and in another worker.
            internal_kv._internal_kv_put(_key(ray_id), decision.value)
        return decision

    def finish(self, ray_id: str, outcome: Outcome) -> None:
        """Forward an outcome once; Tune tells some ends twice."""
        trial = self.live.pop(ray_id, None)
        if trial is not None:
            self.driver.finish(trial, outcome)


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
        """Leave it to the scheduler, which is told the same."""


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
        """Answer a report; a trial that is to pause goes on for its last step, in which it ends."""
        decision = self._slots.report(trial.trial_id, *json.loads(result["report"]))
        return str(self.STOP if decision is Decision.STOP else self.CONTINUE)

    def on_trial_complete(
        self,
        tune_controller: Any,
        trial: RayTrial,
        result: dict[str, Any],
    ) -> None:
        """Forward the outcome that the worker told."""
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


def _told(ray_id: str) -> Decision:
    """Return what the driver answered to the last report of a task; in a worker."""
    answer = internal_kv._internal_kv_get(_key(ray_id))
    return Decision.CONTINUE if answer is None else Decision(answer.decode())


def _key(ray_id: str) -> str:
    return f"automl/decision/{ray_id}"


def _stage_in(folder: str) -> None:
    """Let Tune stage its files in a folder where it would ask the node that this process is on.

    By ray:// the driver is on no node of the cluster.
    """
    if ray.util.client.ray.is_connected():  # type: ignore[no-untyped-call]
        tune_storage._get_ray_train_session_dir = lambda: folder  # type: ignore[attr-defined]


def _nodes() -> list[dict[str, float]]:
    nodes = ray.nodes()  # type: ignore[no-untyped-call]
    return [dict(node["Resources"]) for node in nodes if node["Alive"]]


def _name_of(trial: RayTrial) -> str:
    return f"{trial.config['trial']:04d}-{trial.trial_id}"


def _last_line(path: str) -> str:
    with open(path) as file:  # noqa: PTH123 - Ray's path is a text
        lines = [line.strip() for line in file if line.strip()]
    return lines[-1] if lines else ""


def _first_sentence(text: str) -> str:
    return text.split(". ", maxsplit=1)[0]


@contextmanager
def _ray(address: str | None) -> Iterator[None]:
    """Start Ray here, or join the cluster at an address, which goes on without us afterwards."""
    handler = signal.getsignal(signal.SIGTERM)
    _connect(address)
    if threading.current_thread() is threading.main_thread():
        # Ray installs one that ends the process on the spot.
        signal.signal(signal.SIGTERM, handler)
    try:
        yield
    finally:
        ray.shutdown()


def _join(address: str) -> None:
    """Join a cluster; where it starts a process for each client, a busy one may not at once."""
    tries = _CLIENT_TRIES if address.startswith("ray://") else 1
    for left in reversed(range(tries)):
        try:
            ray.init(address, log_to_driver=False, logging_level=logging.ERROR)
            return
        except _NOT_JOINED:
            if not left:
                raise
            time.sleep(1)


def _connect(address: str | None) -> None:
    if address is None:
        ray.init(
            # Not RAY_ADDRESS: a cluster is joined where it is asked for.
            "local",
            include_dashboard=False,
            log_to_driver=False,
            logging_level=logging.ERROR,
        )
        return
    check_answers(address)
    try:
        _join(address)
    except _NOT_JOINED as error:
        reason = " ".join(_first_sentence(str(error)).split())
        raise UsageError(
            f"--address {address}: no Ray cluster could be joined ({reason}); one is started on "
            "its first machine with: ray start --head (docs/clusters.md says more)"
        ) from error
    except ImportError as error:
        raise UsageError(
            f"--address {address}: {error}; install it with: pip install -e '.[ray]'"
        ) from error
