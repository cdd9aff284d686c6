"""The best value so far of a search, by the epochs that its trials trained together."""

from automl.experiment.experiment import Experiment
from automl.trial.objective import RunningBest
from automl.trial.trial import Report, Trial

Point = tuple[float, int, float]
"""A value, the epochs trained by then, and the time in seconds since 1970."""


class BestCurve:
    """Follows a search report by report, from where an experiment is."""

    def __init__(self, experiment: Experiment) -> None:
        history = experiment.history
        self._objective = experiment.settings.objective
        self._epochs = history.epochs.copy()
        self._best = RunningBest(self._objective)
        self._known = set(history.trials)
        self.past: list[Point] = []
        """The points so far."""
        for each in history.course:
            if each.added and (point := self._point(each.report, each.epochs)):
                self.past.append(point)

    @property
    def epochs(self) -> int:
        """The epochs that all trials trained together so far."""
        return self._epochs.spent

    def start(self, trial: Trial) -> None:
        """Take in a trial that starts or resumes.

        A call that waited in a queue may come after the journal has told of the same start.
        """
        if trial.number not in self._known:
            self._known.add(trial.number)
            self._epochs.start(trial.number, trial.parent)

    def report(self, trial: Trial, report: Report) -> Point | None:
        """Take in a report; return the new point if it is the best so far."""
        if trial.confirms is not None or not self._epochs.report(trial.number, report.epoch):
            return None
        return self._point(report, self._epochs.spent)

    def _point(self, report: Report, epochs: int) -> Point | None:
        value = self._objective.value(report.metrics)
        return (value, epochs, report.time) if self._best.improves(value) else None
