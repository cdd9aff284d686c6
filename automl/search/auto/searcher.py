"""`auto`, the default search: few epochs on many trials, and more for those that may still win.

For each free slot it compares starting a new configuration with resuming every paused trial, by
the gain that its models of the learning curves expect: per epoch, or per second where the time of
the search is limited. The gain is the improvement on the
best value (freeze-thaw: Swersky et al., 2014) or, if that is more, twice the fall of the best
predicted end that the observation would cause (the knowledge gradient: Frazier et al., 2009).

New configurations come from anywhere, from near the best trials and, while these rank well, from
near the defaults, which are trial 0; the models choose among them. Some are drawn without a model,
and all of them while the models cannot predict left-out trials. Regions where trials fail are
avoided. A trial that repeats the curve of another is stopped, and later candidates keep away by
the distance of such pairs.

Losses that tell no trial from another are left out: those of epochs by which nothing has been
learned, or by which what is searched has had no effect yet, and those that the end contradicts.
While there are no others, half of the epochs start trials and half take them deeper. Whether the
early order of trials foretells the later one is learned from some that look bad and train on. Now
and then a trial of the better half is trained in full, and no search ends without such a one.

Every decision follows from the seed and the history alone.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from automl.search.auto import reasons
from automl.search.auto.candidates import OPENING, Candidates
from automl.search.auto.curves import Ladder, curve_of_past, repeated
from automl.search.auto.depth import deeper, due, lifted
from automl.search.auto.features import Features
from automl.search.auto.foretold import scout
from automl.search.auto.guided import Guided
from automl.search.auto.record import Record
from automl.search.auto.rungs import geometric_rungs, ladder_of
from automl.search.auto.transfer import Transfer
from automl.search.base import DEFAULTS, EARLIER, canonical
from automl.space.space import SearchSpace
from automl.trial.budget import Budget
from automl.trial.moves import Continue, Move, Start
from automl.trial.objective import Objective
from automl.trial.trial import (
    CONTINUE,
    Decision,
    FailureKind,
    Outcome,
    PastTrial,
    TransferTrial,
    TrialState,
    Verdict,
)

REPEATS_IN_ROW = 3
"""Repeats stopped in a row, after which one continues."""
VOUCHED = 0.4
"""Part of the trials or epochs that is trained for what other data says: it may be wrong here."""
_PAST = 3
"""The best configurations of earlier experiments that are tried again."""


class AutoSearcher:
    """Holds the record of the search and decides in turn by depth, by plan and by the models."""

    def __init__(
        self,
        space: SearchSpace,
        objective: Objective,
        budget: Budget,
        *,
        seed: int,
        past: Sequence[PastTrial] = (),
        transfer: Sequence[TransferTrial] = (),
    ) -> None:
        self._objective = objective
        self._epochs = budget.epochs
        self._seed = seed
        self._features = Features(space)
        self._candidates = Candidates(space, self._features, seed=seed)
        self._rungs = geometric_rungs(budget.epochs)
        self._record = Record(budget)
        self._repeats_in_row = 0
        curves = [
            curve_of_past(trial, self._features.of(trial.values), objective, budget.epochs)
            for trial in past
        ]
        curves = [curve for curve in curves if curve.epoch]
        by_loss = sorted(curves, key=lambda curve: float(curve.bests[-1]))
        self._planned = [(space.defaults(), DEFAULTS)]
        self._planned += [(curve.values, EARLIER) for curve in by_loss[:_PAST]]
        known = Transfer(space, self._features, transfer) if transfer else None
        self._in_full: set[str] = set()
        """Configurations that other data says pay: an early comparison would tell less."""
        if known is not None:
            self._planned += [(values, reasons.TRANSFER) for values in known.first]
            vouched = [space.defaults(), *known.first]
            self._in_full = {canonical(v) for v in vouched[: _most_in_full(budget)]}
        self._guided = Guided(
            self._record,
            self._features,
            self._candidates,
            past=curves,
            parameters=len(space.parameters),
            seed=seed,
            expected=None if known is None else known.losses,
        )
        self._move: Move | None = None
        self._after_pause: tuple[int, Move] | None = None
        self._current_ladder: Ladder | None = None

    def next(self) -> Move:
        """Return the move of the highest expected gain; it stands until the history changes."""
        if self._move is None:
            self._move = self._choose()
        return self._move

    def start(self, move: Start | Continue) -> None:
        """Record a move; from time to time the models are tuned here."""
        self._move = self._after_pause = None
        if isinstance(move, Start):
            is_vouched = canonical(move.values) in self._in_full
            target = self._epochs if is_vouched else self._ladder.look
            self._record.add(move.values, self._features.of(move.values))
            self._record.added += move.request is not None
            self._guided.tune(self._ladder)
            rows = {n: curve.features for n, curve in enumerate(self._record.curves)}
            self._record.costs.learn(rows)
        else:
            target = self._target_of(move.trial)
        self._record.curves[move.trial].target = target

    def add(self, values: Mapping[str, Any]) -> Move:
        """Return the start of a trial by hand."""
        return self._record.new(dict(values), reason="")

    def report(self, trial: int, epoch: int, value: float) -> Verdict:
        """Pause the trial at its target; stop it if it diverged or repeats another."""
        self._move = self._after_pause = self._current_ladder = None
        curve = self._record.curves[trial]
        self._record.epochs.report(trial, epoch)
        curve.take(epoch, self._objective.loss(value))
        if not np.isfinite(value):
            self._record.fail(curve)
            return Verdict(Decision.STOP, reasons.DIVERGED)
        if epoch == self._epochs:
            return CONTINUE
        # Equal losses to the last digit mean that what differs has no effect: nothing to learn.
        other = self._repeated(trial)
        if other is not None:
            curve.is_dead = curve.is_void = True
            distance = np.linalg.norm(self._record.curves[other].features - curve.features)
            self._record.repeats.append(float(distance))
            return Verdict(Decision.STOP, reasons.of_twin(other))
        if curve.target is None or epoch < curve.target:
            return CONTINUE
        return self._at_target(trial)

    def foresee(self, seconds: float) -> None:
        """Spend the seconds that are left where they gain most, and finish good trials in them."""
        self._record.costs.left_s = seconds

    def took(self, trial: int, seconds: float, *, is_first: bool) -> None:
        """Learn what epochs cost."""
        self._record.costs.took(trial, seconds, is_first=is_first)

    def finish(self, trial: int, outcome: Outcome) -> None:
        """Free the trial's slot; a failed trial gives no value but marks its region."""
        self._move = self._current_ladder = None
        if self._after_pause and outcome.state is TrialState.PAUSED:
            paused, move = self._after_pause
            self._move = move if paused == trial else None
        self._after_pause = None
        curve = self._record.curves[trial]
        curve.target = None
        curve.is_dead |= outcome.state is not TrialState.PAUSED
        if outcome.state is TrialState.FAILED:
            curve.is_void = True
            # A process that died or hung says nothing about the values that it trained.
            kind = None if outcome.failure is None else outcome.failure.kind
            if kind not in (FailureKind.LOST, FailureKind.HUNG):
                self._record.fail(curve)

    def _repeated(self, trial: int) -> int | None:
        """Return the trial that this one repeats, if it is stopped for that.

        What differs may act later, as a decay step does, so after a few in a row one continues.
        """
        curve, curves = self._record.curves[trial], self._record.curves
        # Judged once, at the first rung that tells trials apart.
        if not trial or curve.epoch not in self._rungs or curve.epoch != self._ladder.rungs[0]:
            return None
        other = None if self._ladder.is_blind else repeated(curve, curves)
        is_stopped = other is not None and self._repeats_in_row < REPEATS_IN_ROW
        self._repeats_in_row = self._repeats_in_row + 1 if is_stopped else 0
        return other if is_stopped else None

    def _at_target(self, trial: int) -> Verdict:
        """Continue a trial if that is itself the best next move; else pause it."""
        curve = self._record.curves[trial]
        target, curve.target = curve.target, None
        move = self._choose(at_rung=trial)
        if isinstance(move, Continue) and move.trial == trial:
            curve.target = self._target_of(trial)
            return CONTINUE
        curve.target = target
        # The move was chosen as if the trial had paused; it holds once it has.
        self._after_pause = trial, move
        return Verdict(Decision.PAUSE, reasons.of_pause(move, self._record.unit))

    def _target_of(self, trial: int) -> int:
        """Return how long a resumed trial trains: to the next rung, or in full if it is due."""
        if due(self._record, self._ladder, seed=self._seed) == trial:
            return self._epochs
        epoch, rungs = self._record.curves[trial].epoch, self._ladder.rungs
        if self._scout() == trial:
            return rungs[len(rungs) // 2]
        return next(rung for rung in self._ladder.rungs if rung > epoch)

    def _choose(self, *, at_rung: int | None = None) -> Move:
        trial = due(self._record, self._ladder, seed=self._seed)
        if trial is not None:
            return self._record.longer(trial, reasons.DUE)
        trial = None if self._ladder.is_blind else lifted(self._record, self._ladder)
        if trial is not None:
            return self._record.longer(trial, reasons.LIFTED)
        trial = self._scout()
        if trial is not None:
            return self._record.longer(trial, reasons.SCOUT)
        trial = self._deeper() if self._ladder.is_blind else None
        if trial is not None:
            return self._record.longer(trial, reasons.DEEPER)
        return self._planned_move() or self._unplanned_move(at_rung)

    def _scout(self) -> int | None:
        """Return a trial that trains on whatever its loss, once the rungs tell something."""
        return None if self._ladder.is_blind else scout(self._record, self._ladder, seed=self._seed)

    def _deeper(self) -> int | None:
        rungs = sorted({self._rungs[0], *self._ladder.rungs})
        return deeper(self._record.curves, self._record.paused, rungs)

    def _planned_move(self) -> Move | None:
        """Return the start of one of the first trials, if one is left."""
        record, trial = self._record, len(self._record.curves)
        if not record.may_start:
            return None
        for planned, reason in self._planned:
            if record.is_new(planned):
                return record.new(planned, reason)
        if trial < OPENING:
            values = self._candidates.opening(trial)
            if record.is_new(values):
                return record.new(values, reasons.OPENING)
        return None

    def _unplanned_move(self, at_rung: int | None) -> Move:
        """Return a move by the models; a new trial from anywhere while all are alike."""
        if self._ladder.is_blind and self._record.may_start:
            values = self._candidates.anywhere(self._record.is_new, self._record.spent)
            if values is not None:
                return self._record.new(values, reasons.ALIKE)
        return self._guided.move(self._ladder, at_rung=at_rung)

    @property
    def _ladder(self) -> Ladder:
        if self._current_ladder is None:
            self._current_ladder = ladder_of(self._record.curves, self._rungs)
        return self._current_ladder


def _most_in_full(budget: Budget) -> int:
    """Return how many trials are trained in full for what other data says."""
    whole = budget.trials * budget.epochs  # If all were.
    if budget.budget_epochs is not None:
        whole = min(whole, budget.budget_epochs)
    return int(VOUCHED * whole) // budget.epochs
