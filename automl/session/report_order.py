"""Checks that a training reports the epochs that come next."""

from dataclasses import dataclass, field

from automl.experiment.experiment import Experiment
from automl.session.preparation import Preparation
from automl.trial.objective import ReportError
from automl.trial.trial import Trial


@dataclass
class ReportOrder:
    """Remembers which trials resumed: what they left may be ahead of the journal."""

    experiment: Experiment
    preparation: Preparation
    _may_skip: dict[int, int] = field(default_factory=dict)
    """How many of the next reports of a trial may skip epochs."""

    def resumed(self, trial: int) -> None:
        """Take in that a trial resumes, before its training begins.

        Its first report may skip epochs: its checkpoint may be ahead of the journal. If it begins
        by repeating what is in a file of reports, that file may be ahead of the journal, and the
        checkpoint ahead of that file.
        """
        repeats = self.preparation.has_reported_to_file(trial)
        self._may_skip[trial] = 2 if repeats else 1

    def begins(self, trial: int) -> bool:
        """Return whether a report is among a trial's first since it resumed."""
        left = self._may_skip.pop(trial, 0)
        if left > 1:
            self._may_skip[trial] = left - 1
        return left > 0

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
