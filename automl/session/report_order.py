"""Checks that a training reports the epochs that come next."""

from dataclasses import dataclass, field

from automl.experiment.experiment import Experiment
from automl.session.preparation import Preparation
from automl.trial.objective import ReportError
from automl.trial.trial import Trial

_MAY_SKIP, _COMMAND_MAY_SKIP = 1, 2
"""Reports of a resumed trial that may skip epochs: its checkpoint may be ahead of the journal.

The file in which a command reports may be ahead of the journal, too, and its checkpoint ahead of
that file, if it was killed between writing the two."""


@dataclass
class ReportOrder:
    """Remembers which trials resumed: what they left may be ahead of the journal."""

    experiment: Experiment
    preparation: Preparation
    _may_skip: dict[int, int] = field(default_factory=dict)
    """How many of the next reports of a trial may skip epochs."""

    def resumed(self, trial: int) -> None:
        """Take in that a trial resumes."""
        is_command = "command" in self.preparation.info.actions.get("train", {})
        self._may_skip[trial] = _COMMAND_MAY_SKIP if is_command else _MAY_SKIP

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
