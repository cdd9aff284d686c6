"""The tracker's interface: who is told of an experiment as it goes. A mirror, never the truth."""

from pathlib import Path
from typing import Any, Protocol

from automl.experiment.experiment import Experiment
from automl.trial.trial import Report, Trial


class Tracker(Protocol):
    """Told of everything by the driver alone."""

    def opened(self, experiment: Experiment) -> None:
        """Begin, or catch up with what an earlier session did."""
        ...

    def started(self, trial: Trial, folder: Path) -> None:
        """Begin or go on with a trial."""
        ...

    def reported(self, trial: Trial, report: Report) -> None:
        """Take in the metrics of an epoch."""
        ...

    def finished(self, trial: Trial, folder: Path) -> None:
        """End a trial."""
        ...

    def promoting(self, trial: Trial) -> None:
        """Take note that a trial's model is exported and measured."""
        ...

    def promoted(self, experiment: Experiment, model: Path) -> dict[str, Any]:
        """Register a promoted ONNX model and return where it is found."""
        ...

    def closed(self, experiment: Experiment) -> None:
        """End the session."""
        ...


class ExperimentObserver(Tracker):
    """Tells nobody."""

    def opened(self, experiment: Experiment) -> None: ...  # noqa: D102

    def started(self, trial: Trial, folder: Path) -> None: ...  # noqa: D102

    def reported(self, trial: Trial, report: Report) -> None: ...  # noqa: D102

    def finished(self, trial: Trial, folder: Path) -> None: ...  # noqa: D102

    def promoting(self, trial: Trial) -> None: ...  # noqa: D102

    def promoted(self, experiment: Experiment, model: Path) -> dict[str, Any]:  # noqa: D102
        return {}

    def closed(self, experiment: Experiment) -> None: ...  # noqa: D102
