"""Checks that a training reports the epochs that come next."""

from dataclasses import dataclass, field

from automl.experiment.experiment import Experiment
from automl.session.preparation import Preparation
from automl.trial.objective import ReportError
from automl.trial.trial import Trial


@dataclass
class ReportOrder:
    """Remembers which trials resumed: their checkpoint may be ahead of the journal."""

    experiment: Experiment
    preparation: Preparation
    _resumed: set[int] = field(default_factory=set)

    def resumed(self, trial: int) -> None:
        """Take in that a trial resumes."""
        self._resumed.add(trial)

    def begins(self, trial: int) -> bool:
        """Return whether a report is a trial's first since it resumed."""
        is_first = trial in self._resumed
        self._resumed.discard(trial)
        return is_first

    def check(self, trial: Trial, epoch: int, *, begins: bool) -> None:
        """Raise `ReportError` for an epoch that is not the next one, or beyond the last.

        A training reports every epoch, or as its first report and its skill say. One that begins
        from a checkpoint, its own or its parent's, begins with that one's epoch.
        """
        last, end = trial.epoch, self.experiment.settings.budget.epochs
        first = trial.reports[0].epoch if trial.reports else max(1, epoch)
        step = max(first, self.preparation.report_interval(trial))
        if not last < epoch <= (end if begins else min(end, last + step)):
            before = f"after epoch {last}" if last else "as its first"
            raise ReportError(f"it reported epoch {epoch} {before}, of {end}")
