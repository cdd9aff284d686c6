"""The best value so far of a search, by the epochs that its trials trained together."""

from automl.experiment.experiment import Experiment
from automl.experiment.journal import Journal
from automl.trial.epochs import EpochCounter
from automl.trial.objective import RunningBest
from automl.trial.trial import Report, Trial

Point = tuple[float, int, float]
"""A value, the epochs trained by then, and the time in seconds since 1970."""


class BestCurve:
    """Follows a search report by report, in the journal's order."""

    def __init__(self, experiment: Experiment) -> None:
        self._objective = experiment.settings.objective
        self._epochs = EpochCounter()
        self._best = RunningBest(self._objective)
        self._known: set[int] = set()
        self.past: list[Point] = []
        """The points of the journal as it is now."""
        trials = experiment.history.trials
        for event in Journal(experiment.paths.journal).read():
            if event["event"] == "start":
                self._start(event["trial"], event.get("parent"))
            elif event["event"] == "report" and event["trial"] in trials:
                point = self.report(trials[event["trial"]], Report.from_event(event))
                self.past += [] if point is None else [point]

    def start(self, trial: Trial) -> None:
        """Take in a trial that starts or resumes.

        A call that waited in a queue may come after the journal has told of the same start.
        """
        self._start(trial.number, trial.parent)

    def _start(self, number: int, parent: int | None) -> None:
        if number not in self._known:
            self._known.add(number)
            self._epochs.start(number, parent)

    def report(self, trial: Trial, report: Report) -> Point | None:
        """Take in a report; return the new point if it is the best so far."""
        if trial.confirms is not None or not self._epochs.report(trial.number, report.epoch):
            return None
        value = self._objective.value(report.metrics)
        return (value, self._epochs.spent, report.time) if self._best.improves(value) else None
