"""Asynchronous successive halving (Li et al., MLSys 2020, arXiv 1810.05934): stop or promote."""

from automl.search.rules.median import GRACE_EPOCHS, FullTraining, PausingRule
from automl.trial.moves import Continue, Start
from automl.trial.pareto import Loss, better, ranked, standing
from automl.trial.trial import CONTINUE, Decision, Verdict

REDUCTION_FACTOR = 3
BEST_PAUSED = "the best paused trial, and none is trained in full"
"""Reason of the last promotion, without which a search would end with no finished model."""


def halving_rungs(
    epochs: int, *, eta: int = REDUCTION_FACTOR, grace: int = GRACE_EPOCHS
) -> list[int]:
    """Return the epochs below a full training at which trials are compared, ascending.

    They are the full epochs divided by eta, eta^2, ..., down to the grace epochs. A short
    training has one, at a third: 50 epochs give [5, 16], 20 give [6], 4 give [1].
    """
    steps: list[int] = []
    rung = epochs // eta
    while rung >= grace or (rung >= 1 and not steps):
        steps.append(rung)
        rung //= eta
    return steps[::-1]


class HalvingStop(FullTraining):
    """Stops at each rung a trial that is not among the best 1/eta of those seen there so far.

    The first trial at a rung always continues. A trial is compared at its first report at or
    beyond a rung, with its best loss until then.
    """

    def __init__(
        self, epochs: int, *, eta: int = REDUCTION_FACTOR, grace: int = GRACE_EPOCHS
    ) -> None:
        super().__init__(epochs)
        self._eta = eta
        self._rungs: dict[int, dict[int, Loss]] = {
            r: {} for r in halving_rungs(epochs, eta=eta, grace=grace)
        }
        self._best: dict[int, Loss] = {}

    def report(self, trial: int, epoch: int, loss: Loss) -> Verdict:
        """Stop a trial that is not among the best at a rung."""
        best = self._best[trial] = better(loss, self._best.get(trial))
        for rung, losses in self._rungs.items():
            if rung <= epoch and trial not in losses:
                losses[trial] = best
                places = max(1, len(losses) // self._eta)
                if trial not in ranked(losses)[:places] and len(losses) > 1:
                    reason = (
                        f"{standing(trial, losses)} at epoch {rung}, the best {places} continue"
                    )
                    return Verdict(Decision.STOP, reason)
        return CONTINUE


class HalvingPromote(PausingRule):
    """Pauses every trial at its rung and resumes the best 1/eta of each rung.

    If no new trial may start and none has been trained in full, the best of the highest rung is
    resumed whatever their number, so that a search ends with a fully trained model.
    """

    def __init__(self, epochs: int, *, eta: int = REDUCTION_FACTOR, grace: int = 1) -> None:
        super().__init__()
        self._eta = eta
        self._levels = [*halving_rungs(epochs, eta=eta, grace=grace), epochs]
        self._losses: list[dict[int, Loss]] = [{} for _ in self._levels]
        self._best: dict[int, Loss] = {}
        self._level: dict[int, int] = {}

    def first_epochs(self, trial: int) -> int:
        """Return the lowest rung."""
        return self._levels[0]

    def resume(self, *, is_last_call: bool) -> Continue | None:
        """Return the best trial that may leave its rung, from the highest rung that has one."""
        # Highest first, as in the paper: it finishes trainings before it widens the base.
        for level in reversed(range(len(self._levels) - 1)):
            losses = self._losses[level]
            for trial in ranked(losses)[: len(losses) // self._eta]:
                if trial in self._paused and self._level[trial] == level:
                    reason = f"{standing(trial, losses)} at epoch {self._levels[level]}"
                    return Continue(trial, self._levels[level + 1], reason)
        if is_last_call and not self._running and not self._losses[-1]:
            return self._best_paused()
        return None

    def _best_paused(self) -> Continue | None:
        for level in reversed(range(len(self._levels) - 1)):
            for trial in ranked(self._losses[level]):
                if trial in self._paused and self._level[trial] == level:
                    return Continue(trial, self._levels[level + 1], BEST_PAUSED)
        return None

    def start(self, move: Start | Continue) -> None:
        """Record the level that a trial trains for."""
        super().start(move)
        trial = move.trial
        self._level[trial] = self._level[trial] + 1 if isinstance(move, Continue) else 0

    def report(self, trial: int, epoch: int, loss: Loss) -> Verdict:
        """Pause a trial that has reached its rung."""
        self._best[trial] = better(loss, self._best.get(trial))
        level = self._level[trial]
        if epoch < self._levels[level]:
            return CONTINUE
        # A report may skip rungs if validation does not run at every epoch.
        while level + 1 < len(self._levels) and epoch >= self._levels[level + 1]:
            self._losses[level][trial] = self._best[trial]
            level += 1
        self._level[trial] = level
        self._losses[level][trial] = self._best[trial]
        if level == len(self._levels) - 1:
            return CONTINUE
        place = standing(trial, self._losses[level])
        return Verdict(Decision.PAUSE, f"{place} at epoch {self._levels[level]}")

    def forget(self, trial: int) -> None:
        """Remove a trial from its rungs."""
        for losses in self._losses:
            losses.pop(trial, None)
