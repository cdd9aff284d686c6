"""`auto`, our own search: few epochs on many trials, and more for those that may still win.

At each free slot it compares starting a new configuration with going on with every paused trial,
by what its models of the learning curves expect of an epoch spent there: the improvement on the
best value (freeze-thaw) or, where that is more, twice the fall of the best predicted end by what
the epoch would tell (the knowledge gradient). New configurations are drawn anywhere, near the best
trials and, while they hold their place, near the schema's defaults, which are trial 0; the models
decide which of these sources is worth its epochs. Some are drawn without them, and all of them
where they cannot foresee trials that were kept from them. A region where trials fail is avoided; a
trial that repeats the moving curve of another is stopped, and new ones keep that distance.

Every decision follows from the seed and the history alone.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from automl.search.auto.acquisition import Leaders, Offers, gains, mean_gains, share_of_failures
from automl.search.auto.belief import Belief, Running
from automl.search.auto.candidates import OPENING, PARENTS, WIDE, Candidates, away_from_twins
from automl.search.auto.curves import Curve, first_epochs, observations, repeated, rungs, times_of
from automl.search.auto.features import Array, Features
from automl.search.auto.model import CurveModel, Observations
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
"""The models are tuned anew whenever so many times more trials have reported."""
MIN_TO_TUNE = 5
DRAWN_EVERY = 20
"""Every so many new trials are drawn from anywhere without the model."""
FORESIGHT = 0.0
"""Correlation of left-out losses with their prediction below which all new trials are."""
CAUTION = 10.0
"""Power of the share of trials nearby that did not fail, by which a gain is multiplied."""
RISKY = 0.5
"""Share of failures nearby above which no draw is taken while others are left."""
LEAST_CHANCE = 0.05
"""Of beating the best, below which a search whose trials are all started goes on with none."""
BEST_GAIN = "the highest expected gain per epoch"
_PAST = 3
"""Configurations of earlier experiments that are tried again, the best ones."""


class AutoSearcher:
    """The state of the search: curves by trial number, and what is derived from them."""

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
        self._rungs = rungs(budget.epochs)
        steps = self._rungs
        self._horizons = sorted({steps[0], steps[len(steps) // 2], steps[-1]})
        self._curves: list[Curve] = []
        self._seen: set[str] = set()
        self._failed: list[Array] = []
        self._twins: list[float] = []
        self._past = [c for c in map(self._curve_of, past) if c.epoch]
        by_loss = sorted(self._past, key=lambda curve: float(curve.bests[-1]))
        self._planned += [curve.values for curve in by_loss[:_PAST]]
        self._belief = Belief(self._features.groups, parameters=len(space.parameters), seed=seed)
        self._tuned_at = 0
        self._epochs = EpochCounter()
        self._move: Move | None = None
        self._after_pause: tuple[int, Move] | None = None

    def next(self) -> Move:
        """Return the move of the highest expected gain; it holds until the history changes."""
        if self._move is None:
            self._move = self._choose()
        return self._move

    def start(self, move: Start | Continue) -> None:
        """Take note of a move; from time to time the models are tuned here."""
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
        """Pause at the target; stop what diverged or repeats another trial."""
        self._move = self._after_pause = None
        curve = self._curves[trial]
        self._epochs.report(trial, epoch)
        curve.take(epoch, self._objective.loss(value))
        if not np.isfinite(value):
            self._fail(curve)
            return Verdict(Decision.STOP, "diverged or without a valid objective")
        if epoch == self._budget.epochs:
            return CONTINUE
        other = repeated(curve, self._curves, epochs=self._rungs[0]) if trial else None
        if other is not None:
            curve.is_dead = curve.is_void = True
            distance = np.linalg.norm(self._curves[other].features - curve.features)
            self._twins.append(float(distance))
            return Verdict(Decision.STOP, f"repeats the curve of trial {other:04d}")
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
        return Verdict(Decision.PAUSE, _reason_to_pause(move))

    def finish(self, trial: int, outcome: Outcome) -> None:
        """Free the trial's slot; a failed trial is no value, and says where not to go."""
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
            if outcome.failure is None or outcome.failure.kind is not FailureKind.LOST:
                self._fail(curve)

    def _fail(self, curve: Curve) -> None:
        curve.is_dead = True
        self._failed.append(curve.features)

    def _curve_of(self, trial: PastTrial) -> Curve:
        curve = Curve(dict(trial.values), self._features.of(trial.values))
        for epoch, value in sorted(trial.curve.items()):
            assert isinstance(value, int | float)
            if epoch <= self._budget.epochs:
                curve.take(epoch, self._objective.loss(value))
        return curve

    def _choose(self) -> Move:
        trial = len(self._curves)
        may_start = trial < self._budget.trials
        for place, planned in enumerate(self._planned if may_start else ()):
            if canonical(planned) not in self._seen:
                return self._new(planned, EARLIER if place else DEFAULTS)
        if may_start and trial < OPENING:
            drawn = self._candidates.opening(trial)
            if canonical(drawn) not in self._seen:
                return self._new(drawn, "one of the space-filling first trials")
        seen = observations(self._curves, self._rungs, self._past)
        if seen is None:
            return self._move_without_model(may_start=may_start)
        return self._best_move(seen, may_start=may_start)

    def _move_without_model(self, *, may_start: bool) -> Move:
        """Return a move while no trial has reported a number yet."""
        drawn = self._candidates.anywhere(self._seen, self._epochs.spent) if may_start else None
        if drawn is not None:
            return self._new(drawn, "drawn at random, no trial has a value yet")
        paused = self._paused()
        if paused:
            return self._longer(paused[0], "no trial has a value yet")
        return self._nothing()

    def _best_move(self, seen: Observations, *, may_start: bool) -> Move:
        models = self._belief.models(seen, self._running())
        trials = [n for n, c in enumerate(self._curves) if c.epoch and not c.is_void]
        ends = self._ends(models, trials)
        offers = self._offers(self._parents(trials, ends), may_start=may_start)
        if not len(offers.rows):
            return self._nothing()
        best = self._best_loss(seen)
        told = [
            gains(
                model,
                offers,
                best=best,
                leaders=self._leaders(trials, expected),
                horizons=self._horizons,
                rungs=self._rungs,
                left=self._left,
            )
            for model, expected in zip(models, ends, strict=True)
        ]
        gain, chance = mean_gains(told)
        risk = share_of_failures(offers.rows, self._told(), self._failed, self._features.groups)
        gain = gain + CAUTION * np.log(1 - risk)
        place = self._best_place(gain, offers)
        if place is None:
            return self._nothing()
        if place < len(offers.values):
            drawn = self._drawn(offers, risk)
            if drawn is not None:
                return self._new(drawn, "drawn at random, to explore")
            return self._new(offers.values[place], f"{BEST_GAIN} of all candidates")
        if not may_start and chance.max() < LEAST_CHANCE and self._has_full_training:
            return self._nothing("no paused trial is likely to beat the best")
        return self._longer(int(offers.trials[place]), BEST_GAIN)

    def _leaders(self, trials: Sequence[int], ends: Array) -> Leaders | None:
        if len(trials) < 2:
            return None
        first, second = np.argsort(ends, kind="stable")[:2]
        leader = trials[first]
        row = self._curves[leader].features
        return Leaders(leader, row, float(ends[first]), float(ends[second]))

    def _best_place(self, gain: Array, offers: Offers) -> int | None:
        """Return the offer of the highest gain that is no configuration tried before."""
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
                known = np.stack([curve.features for curve in self._curves])
                values, rows = away_from_twins(values, rows, known, distances=self._twins)
        return Offers(
            values=values,
            rows=np.concatenate([rows, *(self._curves[n].features[None] for n in paused)]),
            trials=np.array([-1] * len(values) + paused, dtype=np.int64),
            epochs=np.array(
                [0] * len(values) + [self._curves[n].epoch for n in paused], dtype=np.int64
            ),
        )

    def _ends(self, models: Sequence[CurveModel], trials: Sequence[int]) -> Array:
        """Return the losses that trials are expected to end with, (models, trials)."""
        if not trials:
            return np.empty((len(models), 0))
        rows = np.stack([self._curves[n].features for n in trials])
        end = times_of(np.array(self._rungs[-1:], float), self._budget.epochs)
        return np.stack([model.means(rows, np.array(trials), end)[0] for model in models])

    def _parents(self, trials: Sequence[int], ends: Array) -> list[Curve]:
        """Return the trials that are expected to end best, and the defaults while they may.

        The defaults are what an expert would have tried: their neighbours are offered until half
        of the trials are expected to end better.
        """
        order = [trials[i] for i in np.argsort(ends.mean(axis=0), kind="stable")]
        parents = order[:PARENTS]
        if 0 in order[PARENTS : len(order) // 2]:
            parents.append(0)
        return [self._curves[n] for n in parents]

    def _drawn(self, offers: Offers, risk: Array) -> dict[str, Any] | None:
        """Return a draw from anywhere where it is its turn or the models have no foresight."""
        if len(self._curves) % DRAWN_EVERY and self._belief.foresight >= FORESIGHT:
            return None
        known = self._seen
        wide = min(WIDE, len(offers.values))
        order = np.argsort(risk[:wide] > RISKY, kind="stable")
        return next(
            (offers.values[i] for i in order if canonical(offers.values[i]) not in known), None
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

    def _told(self) -> Array:
        """Return the features of the trials that reported and did not fail."""
        rows = [c.features for c in self._curves if c.epoch and np.isfinite(c.losses[-1])]
        return np.stack(rows) if rows else np.empty((0, len(self._features.groups)))

    def _tune(self) -> None:
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

    def _nothing(self, reason: str = "no trial is left to start or resume") -> Move:
        return Wait() if any(c.target is not None for c in self._curves) else Done(reason)


def _reason_to_pause(move: Move) -> str:
    if isinstance(move, Start):
        return "a new trial is expected to gain more per epoch"
    if isinstance(move, Continue):
        return f"trial {move.trial:04d} is expected to gain more per epoch"
    return "more epochs are unlikely to beat the best trial"
