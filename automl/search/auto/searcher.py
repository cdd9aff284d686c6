"""`auto`, the default search: few epochs on many trials, and more for those that may still win.

For each free slot it compares starting a new configuration with resuming every paused trial, by
the gain per epoch that its models of the learning curves expect. The gain is the improvement on the
best value (freeze-thaw: Swersky et al., 2014) or, if that is more, twice the fall of the best
predicted end that the observation would cause (the knowledge gradient: Frazier et al., 2009).

New configurations come from anywhere, from near the best trials and, while these rank well, from
near the defaults, which are trial 0; the models choose among them. Some are drawn without a model,
and all of them while the models cannot predict left-out trials. Regions where trials fail are
avoided. A trial that repeats the curve of another is stopped, and later candidates keep away by
the distance of such pairs.

Every decision follows from the seed and the history alone.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from automl.search.auto import reasons
from automl.search.auto.acquisition import Offers, gains, mean_gains, share_of_failures
from automl.search.auto.belief import Belief, Running
from automl.search.auto.candidates import OPENING, WIDE, Candidates, away_from_twins
from automl.search.auto.curves import (
    Curve,
    curve_of_past,
    first_epochs,
    geometric_rungs,
    observations,
    repeated,
    times_of,
)
from automl.search.auto.ends import leaders_of, parents_of, predicted_ends
from automl.search.auto.features import Array, Features
from automl.search.auto.model import Observations
from automl.search.base import DEFAULTS, EARLIER, canonical
from automl.space.space import SearchSpace
from automl.trial.budget import Budget
from automl.trial.epochs import EpochCounter
from automl.trial.moves import Continue, Done, Move, Start, Wait
from automl.trial.objective import Objective
from automl.trial.trial import (
    CONTINUE,
    Decision,
    FailureKind,
    Outcome,
    PastTrial,
    TrialState,
    Verdict,
)

RETUNE = 1.15
"""The models are tuned again whenever the trials that reported have grown by this factor."""
MIN_TO_TUNE = 5
"""Trials that must have reported before the first tuning."""
DRAWN_EVERY = 20
"""One in this many new trials is drawn from anywhere without the models."""
FORESIGHT = 0.0
"""If left-out losses correlate less with their predictions, all new trials are drawn so."""
CAUTION = 10.0
"""A gain is multiplied by the share of nearby trials that did not fail, to this power."""
RISKY = 0.5
"""A draw with a larger share of failures nearby is taken only if no other is left."""
LEAST_CHANCE = 0.05
"""Once all trials are started, none is resumed whose chance to beat the best is smaller."""
_PAST = 3
"""The best configurations of earlier experiments that are tried again."""


class AutoSearcher:
    """Holds the curves by trial number and all that follows from them."""

    def __init__(
        self,
        space: SearchSpace,
        objective: Objective,
        budget: Budget,
        *,
        seed: int,
        past: Sequence[PastTrial] = (),
    ) -> None:
        self._space = space
        self._objective = objective
        self._budget = budget
        self._features = Features(space)
        self._candidates = Candidates(space, self._features, seed=seed)
        self._planned = [space.defaults()]
        self._rungs = geometric_rungs(budget.epochs)
        steps = self._rungs
        # Improvement is looked for at three depths: each costs a prediction of every offer.
        self._horizons = sorted({steps[0], steps[len(steps) // 2], steps[-1]})
        self._curves: list[Curve] = []
        self._seen: set[str] = set()
        self._failed: list[Array] = []
        self._twins: list[float] = []
        curves = [
            curve_of_past(trial, self._features.of(trial.values), objective, budget.epochs)
            for trial in past
        ]
        self._past = [curve for curve in curves if curve.epoch]
        by_loss = sorted(self._past, key=lambda curve: float(curve.bests[-1]))
        self._planned += [curve.values for curve in by_loss[:_PAST]]
        self._belief = Belief(self._features.groups, parameters=len(space.parameters), seed=seed)
        self._tuned_at = 0
        self._epochs = EpochCounter()
        self._move: Move | None = None
        self._after_pause: tuple[int, Move] | None = None

    def next(self) -> Move:
        """Return the move of the highest expected gain; it stands until the history changes."""
        if self._move is None:
            self._move = self._choose()
        return self._move

    def start(self, move: Start | Continue) -> None:
        """Record a move; from time to time the models are tuned here."""
        self._move = self._after_pause = None
        if isinstance(move, Start):
            target = first_epochs(self._curves, self._rungs)
            self._curves.append(Curve(dict(move.values), self._features.of(move.values)))
            self._seen.add(canonical(move.values))
            self._tune()
        else:
            target = self._rung_above(self._curves[move.trial].epoch)
        self._curves[move.trial].target = target

    def report(self, trial: int, epoch: int, value: float) -> Verdict:
        """Pause the trial at its target; stop it if it diverged or repeats another."""
        self._move = self._after_pause = None
        curve = self._curves[trial]
        self._epochs.report(trial, epoch)
        curve.take(epoch, self._objective.loss(value))
        if not np.isfinite(value):
            self._fail(curve)
            return Verdict(Decision.STOP, reasons.DIVERGED)
        if epoch == self._budget.epochs:
            return CONTINUE
        # Equal losses to the last digit mean that what differs has no effect: nothing to learn.
        other = repeated(curve, self._curves, epochs=self._rungs[0]) if trial else None
        if other is not None:
            curve.is_dead = curve.is_void = True
            distance = np.linalg.norm(self._curves[other].features - curve.features)
            self._twins.append(float(distance))
            return Verdict(Decision.STOP, reasons.of_twin(other))
        if curve.target is None or epoch < curve.target:
            return CONTINUE
        return self._at_target(trial)

    def _at_target(self, trial: int) -> Verdict:
        """Continue a trial if that is itself the best next move; else pause it."""
        curve = self._curves[trial]
        target, curve.target = curve.target, None
        move = self._choose()
        if isinstance(move, Continue) and move.trial == trial:
            curve.target = self._rung_above(curve.epoch)
            return CONTINUE
        curve.target = target
        # The move was chosen as if the trial had paused; it holds once it has.
        self._after_pause = trial, move
        return Verdict(Decision.PAUSE, reasons.of_pause(move))

    def finish(self, trial: int, outcome: Outcome) -> None:
        """Free the trial's slot; a failed trial gives no value but marks its region."""
        self._move = None
        if self._after_pause and outcome.state is TrialState.PAUSED:
            paused, move = self._after_pause
            self._move = move if paused == trial else None
        self._after_pause = None
        curve = self._curves[trial]
        curve.target = None
        curve.is_dead |= outcome.state is not TrialState.PAUSED
        if outcome.state is TrialState.FAILED:
            curve.is_void = True
            # A process that died or hung says nothing about the values that it trained.
            kind = None if outcome.failure is None else outcome.failure.kind
            if kind not in (FailureKind.LOST, FailureKind.HUNG):
                self._fail(curve)

    def _fail(self, curve: Curve) -> None:
        curve.is_dead = True
        self._failed.append(curve.features)

    def _choose(self) -> Move:
        trial = len(self._curves)
        may_start = trial < self._budget.trials
        for place, planned in enumerate(self._planned if may_start else ()):
            if canonical(planned) not in self._seen:
                return self._new(planned, EARLIER if place else DEFAULTS)
        if may_start and trial < OPENING:
            values = self._candidates.opening(trial)
            if canonical(values) not in self._seen:
                return self._new(values, reasons.OPENING)
        seen = observations(self._curves, self._rungs, self._past)
        if seen is None:
            return self._move_without_model(may_start=may_start)
        return self._best_move(seen, may_start=may_start)

    def _move_without_model(self, *, may_start: bool) -> Move:
        """Return a move while no trial has reported a finite value."""
        values = self._candidates.anywhere(self._seen, self._epochs.spent) if may_start else None
        if values is not None:
            return self._new(values, reasons.RANDOM_FIRST)
        paused = self._paused()
        if paused:
            return self._longer(paused[0], reasons.NO_VALUES)
        return self._nothing()

    def _best_move(self, seen: Observations, *, may_start: bool) -> Move:
        # 1. What each model expects: of the ends of all trials, and of the offers.
        models = self._belief.models(seen, self._running())
        trials = [n for n, c in enumerate(self._curves) if c.epoch and not c.is_void]
        ends = predicted_ends(models, self._curves, trials, self._budget.epochs)
        offers = self._offers(parents_of(self._curves, trials, ends), may_start=may_start)
        if not len(offers.rows):
            return self._nothing()
        best = self._best_loss(seen)
        results = [
            gains(
                model,
                offers,
                best=best,
                leaders=leaders_of(self._curves, trials, expected),
                horizons=self._horizons,
                rungs=self._rungs,
                left=self._left,
            )
            for model, expected in zip(models, ends, strict=True)
        ]
        gain, chance = mean_gains(results)
        # 2. Keep away from where trials fail.
        succeeded = self._succeeded()
        risk = share_of_failures(offers.rows, succeeded, self._failed, self._features.groups)
        gain = gain + CAUTION * np.log(1 - risk)
        # 3. Take the best; sometimes a random start in its place, so that no region is lost.
        place = self._best_place(gain, offers)
        if place is None:
            return self._nothing()
        if place < len(offers.values):
            values = self._random_offer(offers, risk)
            if values is not None:
                return self._new(values, reasons.RANDOM)
            return self._new(offers.values[place], reasons.BEST_CANDIDATE)
        if not may_start and chance.max() < LEAST_CHANCE and self._has_full_training:
            return self._nothing(reasons.NO_CHANCE)
        return self._longer(int(offers.trials[place]), reasons.BEST_GAIN)

    def _best_place(self, gain: Array, offers: Offers) -> int | None:
        """Return the offer of the highest gain, without configurations tried before."""
        for place in np.argsort(-gain, kind="stable").tolist():
            is_new = place < len(offers.values)
            if not is_new or canonical(offers.values[place]) not in self._seen:
                return int(place)
        return None

    def _offers(self, parents: Sequence[Curve], *, may_start: bool) -> Offers:
        paused = self._paused()
        values: list[dict[str, Any]] = []
        rows = np.empty((0, len(self._features.groups)))
        if may_start:
            values, rows = self._candidates.choice(parents, len(self._curves), self._epochs.spent)
            if self._twins:
                tried = np.stack([curve.features for curve in self._curves])
                values, rows = away_from_twins(values, rows, tried, distances=self._twins)
        return Offers(
            values=values,
            rows=np.concatenate([rows, *(self._curves[n].features[None] for n in paused)]),
            trials=np.array([-1] * len(values) + paused, dtype=np.int64),
            epochs=np.array(
                [0] * len(values) + [self._curves[n].epoch for n in paused], dtype=np.int64
            ),
        )

    def _random_offer(self, offers: Offers, risk: Array) -> dict[str, Any] | None:
        """Return a draw from anywhere if it is its turn or the models have no foresight."""
        if len(self._curves) % DRAWN_EVERY and self._belief.foresight >= FORESIGHT:
            return None
        # The first offers are the draws from anywhere, in random order; risky ones come last.
        wide = min(WIDE, len(offers.values))
        order = np.argsort(risk[:wide] > RISKY, kind="stable")
        return next(
            (offers.values[i] for i in order if canonical(offers.values[i]) not in self._seen), None
        )

    def _running(self) -> Running | None:
        running = [n for n, c in enumerate(self._curves) if c.target is not None]
        if not running:
            return None
        rows = np.stack([self._curves[n].features for n in running])
        targets = np.array([float(self._curves[n].target or 1) for n in running])
        return Running(rows, np.array(running), times_of(targets, self._budget.epochs))

    def _best_loss(self, seen: Observations) -> float:
        """Return the best standardised loss of this search's own trials."""
        own = seen.losses[seen.trials >= 0]
        return float(own.min()) if len(own) else float(seen.losses.min())

    def _succeeded(self) -> Array:
        """Return the features of the trials that reported and did not fail."""
        rows = [c.features for c in self._curves if c.epoch and np.isfinite(c.losses[-1])]
        return np.stack(rows) if rows else np.empty((0, len(self._features.groups)))

    def _tune(self) -> None:
        # Tuning costs more than a decision: its share of the time falls as the search grows.
        reported = sum(curve.epoch > 0 for curve in self._curves)
        if reported < max(MIN_TO_TUNE, RETUNE * self._tuned_at):
            return
        seen = observations(self._curves, self._rungs, self._past)
        if seen is not None:
            self._tuned_at = reported
            self._belief.tune(seen, trials=reported)

    @property
    def _left(self) -> int | None:
        """Epochs that may still be trained; None without such a budget."""
        whole = self._budget.budget_epochs
        return None if whole is None else max(1, whole - self._epochs.spent)

    @property
    def _has_full_training(self) -> bool:
        return any(c.epoch == self._budget.epochs for c in self._curves)

    def _paused(self) -> list[int]:
        return [
            n
            for n, c in enumerate(self._curves)
            if c.target is None and not c.is_dead and c.epoch < self._budget.epochs
        ]

    def _new(self, values: dict[str, Any], reason: str) -> Start:
        return Start(len(self._curves), values, self._budget.epochs, reason=reason)

    def _longer(self, trial: int, reason: str) -> Continue:
        return Continue(trial, self._budget.epochs, reason)

    def _rung_above(self, epoch: int) -> int:
        return next(rung for rung in self._rungs if rung > epoch)

    def _nothing(self, reason: str = reasons.NOTHING_LEFT) -> Move:
        return Wait() if any(c.target is not None for c in self._curves) else Done(reason)
