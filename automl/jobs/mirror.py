"""Records a running experiment and its trials as jobs."""

import os
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from automl.errors import UsageError
from automl.experiment.experiment import Experiment
from automl.experiment.observer import ExperimentObserver
from automl.jobs.parents import trial_job_id
from automl.jobs.record import EXPERIMENT, Job, JobState
from automl.jobs.store import JobStore
from automl.redact import printable
from automl.trial.trial import Trial

_CLOSED = {
    "finished": JobState.COMPLETED,
    "failed": JobState.FAILED,
    "stopped": JobState.STOPPED,
}


class JobObserver(ExperimentObserver):
    """Records jobs; a database that cannot be written is reported once and ends no search."""

    def __init__(self, experiment: Experiment) -> None:
        self._experiment = experiment
        self._store = JobStore(experiment.paths.root.resolve().parent, is_kept_open=True)
        self._has_warned = False

    def opened(self, experiment: Experiment) -> None:
        """Record the experiment and the trials of earlier sessions."""
        trials = experiment.history.trials.values()
        self._put(self._job(JobState.RUNNING), *map(self._trial_job, trials))

    def started(self, trial: Trial, folder: Path) -> None:
        """Record a trial that starts or resumes."""
        self._put(self._trial_job(trial))

    def finished(self, trial: Trial, folder: Path) -> None:
        """Record how a trial ended."""
        self._put(self._trial_job(trial))

    def closed(self, experiment: Experiment) -> None:
        """Record how the session ended."""
        closed = experiment.history.closed or "failed"
        self._put(self._job(_CLOSED.get(closed, JobState.FAILED)))
        self._store.close()

    def _put(self, *jobs: Job) -> None:
        with self._faults_reported_once():
            self._store.put(*jobs)

    @contextmanager
    def _faults_reported_once(self) -> Iterator[None]:
        try:
            yield
        except (OSError, sqlite3.Error, UsageError) as error:
            if not self._has_warned:
                text = f"warning: {self._store.path} cannot be written ({error})"
                print(printable(f"{text}; the search continues"), file=sys.stderr)
            self._has_warned = True

    def _job(self, state: JobState) -> Job:
        experiment = self._experiment
        best, trials = experiment.best, experiment.history.trials.values()
        value = None if best is None else experiment.value_of(best)
        begun = min((trial.started for trial in trials), default=None)
        is_over = state is not JobState.RUNNING
        return Job(
            id=experiment.paths.root.resolve().name,
            action=EXPERIMENT,
            skill=experiment.settings.skill,
            state=state,
            created=experiment.paths.settings.stat().st_mtime,
            started=begun,
            ended=max((t.started + t.seconds for t in trials), default=None) if is_over else None,
            pid=os.getpid(),
            metrics={} if value is None else {experiment.settings.objective.metric: value},
        )

    def _trial_job(self, trial: Trial) -> Job:
        experiment = self._experiment
        best = trial.best_report(experiment.settings.objective)
        return Job(
            id=trial_job_id(experiment.paths, trial.number),
            action="train",
            skill=experiment.settings.skill,
            parent=experiment.paths.root.resolve().name,
            state=JobState(trial.state.value),
            created=trial.started,
            started=trial.started,
            ended=trial.started + trial.seconds if trial.state.is_final else None,
            pid=os.getpid(),
            metrics={} if best is None else best.metrics,
            failure=trial.failure,
            best_epoch=best.epoch if best else None,
            last_epoch=trial.epoch or None,
        )
