"""Chooses by the models: the start or resumption of the highest expected gain for its price."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from automl.search.auto import reasons
from automl.search.auto.acquisition import Offers, Prices, gains, mean_gains, share_of_failures
from automl.search.auto.belief import Belief, Running
from automl.search.auto.candidates import DRAWN_EVERY, WIDE, Candidates, away_from_twins
from automl.search.auto.curves import Curve, Ladder, observations, times_of
from automl.search.auto.ends import leaders_of, parents_of, predicted_ends
from automl.search.auto.features import Array, Features
from automl.search.auto.model import Expected, Observations
from automl.search.auto.record import Record
from automl.trial.moves import Move

RETUNE = 1.15
"""The models are tuned again whenever the trials that reported have grown by this factor."""
MIN_TO_TUNE = 5
"""Trials that must have reported before the first tuning."""
FORESIGHT = 0.0
"""If left-out losses correlate less with their predictions, all new trials are drawn so."""
CAUTION = 10.0
"""A gain is multiplied by the share of nearby trials that did not fail, to this power."""
RISKY = 0.5
"""A draw with a larger share of failures nearby is taken only if no other is left."""
LEAST_CHANCE = 0.05
"""Once all trials are started, none is resumed whose chance to beat the best is smaller."""


class Guided:
    """The models, and the choices that follow from them."""

    def __init__(
        self,
        record: Record,
        features: Features,
        candidates: Candidates,
        *,
        past: Sequence[Curve],
        parameters: int,
        seed: int,
        expected: Expected | None = None,
    ) -> None:
        self._record = record
        self._features = features
        self._candidates = candidates
        self._past = past
        self._belief = Belief(features.groups, parameters=parameters, seed=seed, expected=expected)
        self._tuned_at = 0

    def tune(self, ladder: Ladder) -> None:
        """Tune the models if enough trials have reported since the last time."""
        # Tuning costs more than a decision: its share of the time falls as the search grows.
        reported = sum(curve.epoch > 0 for curve in self._record.curves)
        if reported < max(MIN_TO_TUNE, RETUNE * self._tuned_at):
            return
        seen = observations(self._record.curves, ladder, self._past)
        if seen is not None:
            self._tuned_at = reported
            self._belief.tune(seen, trials=reported)

    def move(self, ladder: Ladder, *, at_rung: int | None = None) -> Move:
        """Return the move of the highest expected gain, any move while there is no loss.

        `at_rung` is a trial that waits at a rung and goes on without being started again.
        """
        seen = observations(self._record.curves, ladder, self._past)
        return self._without_model() if seen is None else self._best(seen, ladder, at_rung)

    def _without_model(self) -> Move:
        """Return a move while no trial has reported a finite value."""
        record = self._record
        if record.may_start:
            values = self._candidates.anywhere(record.is_new, record.spent)
            if values is not None:
                return record.new(values, reasons.RANDOM_FIRST)
        paused = record.paused
        return record.longer(paused[0], reasons.NO_VALUES) if paused else record.nothing()

    def _best(self, seen: Observations, ladder: Ladder, at_rung: int | None) -> Move:
        # 1. What each model expects: of the ends of all trials, and of the offers.
        record, curves = self._record, self._record.curves
        models = self._belief.models(seen, self._running())
        trials = [n for n, c in enumerate(curves) if c.epoch >= ladder.since and not c.is_void]
        ends = predicted_ends(models, curves, trials, record.budget.epochs)
        offers = self._offers(parents_of(curves, trials, ends))
        if not len(offers.rows):
            return record.nothing()
        best, prices = self._best_loss(seen), self._prices(offers, at_rung)
        # Improvement is looked for at three depths: each costs a prediction of every offer.
        rungs = ladder.rungs
        horizons = sorted({rungs[0], rungs[len(rungs) // 2], rungs[-1]})
        results = [
            gains(
                model,
                offers,
                best=best,
                leaders=leaders_of(curves, trials, expected),
                horizons=horizons,
                rungs=rungs,
                prices=prices,
            )
            for model, expected in zip(models, ends, strict=True)
        ]
        gain, chance = mean_gains(results)
        # 2. Keep away from where trials fail.
        rows = record.succeeded()
        succeeded = np.stack(rows) if rows else np.empty((0, len(self._features.groups)))
        risk = share_of_failures(offers.rows, succeeded, record.failed, self._features.groups)
        gain = gain + CAUTION * np.log(1 - risk)
        # 3. Take the best; sometimes a random start in its place, so that no region is lost.
        place = self._best_place(gain, offers)
        if place is None:
            return record.nothing()
        if place < len(offers.values):
            values = self._random_offer(offers, risk)
            if values is not None:
                return record.new(values, reasons.RANDOM)
            return record.new(offers.values[place], reasons.of_candidate(record.unit))
        if not record.may_start and chance.max() < LEAST_CHANCE and record.has_full_training:
            return record.nothing(reasons.NO_CHANCE)
        return record.longer(int(offers.trials[place]), reasons.of_resumption(record.unit))

    def _best_place(self, gain: Array, offers: Offers) -> int | None:
        """Return the offer of the highest gain, without configurations tried before."""
        for place in np.argsort(-gain, kind="stable").tolist():
            if place >= len(offers.values) or self._record.is_new(offers.values[place]):
                return int(place)
        return None

    def _offers(self, parents: Sequence[Curve]) -> Offers:
        record, curves, paused = self._record, self._record.curves, self._record.paused
        values: list[dict[str, Any]] = []
        rows = np.empty((0, len(self._features.groups)))
        if record.may_start:
            values, rows = self._candidates.choice(parents, len(curves), record.spent)
            if record.repeats:
                tried = np.stack([curve.features for curve in curves])
                values, rows = away_from_twins(values, rows, tried, distances=record.repeats)
        return Offers(
            values=values,
            rows=np.concatenate([rows, *(curves[n].features[None] for n in paused)]),
            trials=np.array([-1] * len(values) + paused, dtype=np.int64),
            epochs=np.array([0] * len(values) + [curves[n].epoch for n in paused], dtype=np.int64),
        )

    def _prices(self, offers: Offers, at_rung: int | None) -> Prices:
        """Return what the offers cost: seconds where the time is limited and was measured."""
        record = self._record
        left_epochs = math.inf if record.left is None else float(record.left)
        if not record.is_timed:
            return Prices.equal(len(offers.rows), left_epochs=left_epochs)
        costs = record.costs
        return Prices(
            epoch=costs.epoch_s(offers.rows, offers.trials),
            start=np.where(offers.trials == at_rung, 0.0, costs.start_s),
            left=costs.left_s,
            left_epochs=left_epochs,
        )

    def _random_offer(self, offers: Offers, risk: Array) -> dict[str, Any] | None:
        """Return a draw from anywhere if it is its turn or the models have no foresight."""
        if len(self._record.curves) % DRAWN_EVERY and self._belief.foresight >= FORESIGHT:
            return None
        # The first offers are the draws from anywhere, in random order; risky ones come last.
        wide = min(WIDE, len(offers.values))
        order = np.argsort(risk[:wide] > RISKY, kind="stable")
        return next(
            (offers.values[i] for i in order if self._record.is_new(offers.values[i])), None
        )

    def _running(self) -> Running | None:
        running, curves = self._record.running, self._record.curves
        if not running:
            return None
        rows = np.stack([curves[n].features for n in running])
        targets = np.array([float(curves[n].target or 1) for n in running])
        return Running(rows, np.array(running), times_of(targets, self._record.budget.epochs))

    def _best_loss(self, seen: Observations) -> float:
        """Return the best standardised loss of this search's own trials."""
        own = seen.losses[seen.trials >= 0]
        return float(own.min()) if len(own) else float(seen.losses.min())
