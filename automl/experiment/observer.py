"""The interface of whatever follows an experiment as it runs: a mirror, a page, a live view."""

from pathlib import Path

from automl.experiment.experiment import Experiment
from automl.trial.trial import Report, Trial


class ExperimentObserver:
    """Called by the driver after each journal event; every method does nothing until overridden.

    The journal is the truth: an observer must not raise for a fault of its own, and must catch up
    in `opened` with what earlier sessions did.
    """

    def opened(self, experiment: Experiment) -> None:
        """A session begins."""

    def started(self, trial: Trial, folder: Path) -> None:
        """A trial starts or resumes; its spec is in `folder`."""

    def reported(self, trial: Trial, report: Report) -> None:
        """A trial reported the metrics of an epoch."""

    def finished(self, trial: Trial, folder: Path) -> None:
        """A trial ended."""

    def promoting(self, trial: Trial) -> None:
        """The promotion of a trial begins: its model is exported and measured."""

    def closed(self, experiment: Experiment) -> None:
        """A session ended."""
