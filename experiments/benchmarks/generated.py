"""Made-up trainings in families, each of which is hard to search in one way.

A configuration's curve is the same whenever it is asked for. The losses are of no real network: the
families say where a method fails, not how much it gains.
"""

import hashlib
import itertools
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from automl.space.space import Parameter, SearchSpace
from experiments.benchmarks.tasks import EPOCHS, Scale, Task, chosen

TASKS = 3
"""Tasks of each family."""
SAMPLE = 2000
"""Random configurations that a task's optimum, median and typical time are taken from."""
CHANCE = float(np.log(2))
"""Loss of two classes at random."""
LEAVE = 0.2
"""Part of the configurations that leave the chance level, in the family of that name."""
NUMBERS, NOMINAL, CHOICES = 6, 8, 5
"""Numeric parameters; nominal ones and the choices of each, in the family of that name."""

SHARES = np.arange(1, EPOCHS + 1) / EPOCHS


class GeneratedTask:
    """One task of a family: a space, and losses that depend on the place in it."""

    mode = "min"

    def __init__(self, family: str, number: int) -> None:
        self.name = f"{family}-{number}"
        self._rng = np.random.default_rng([number, sorted(FAMILIES).index(family)])
        self._curve, self._epoch_s, self.space = FAMILIES[family](self._rng)
        rng = np.random.default_rng(number)
        sampled = [self.space.sample(rng) for _ in range(SAMPLE)]
        bests = np.array([self.curve(values, EPOCHS).min() for values in sampled])
        self.typical_seconds = float(np.median([self.epoch_seconds(v) for v in sampled]))
        self.scale = Scale(self._climb(sampled, bests, rng), float(np.median(bests)))

    def curve(self, values: Mapping[str, Any], epochs: int) -> np.ndarray:
        """Return the loss after epochs 1 to `epochs`."""
        text = json.dumps([self.name, dict(values)], sort_keys=True)
        seed = int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big")
        return np.asarray(self._curve(values, np.random.default_rng(seed))[:epochs])

    def epoch_seconds(self, values: Mapping[str, Any]) -> float:
        """Return the time of one epoch."""
        return self._epoch_s(values)

    def _climb(
        self, sampled: Sequence[Mapping[str, Any]], bests: np.ndarray, rng: np.random.Generator
    ) -> float:
        """Return the lowest loss near the best of a sample, which alone misses the optimum."""
        top = [sampled[place] for place in np.argsort(bests)[:5]]
        lowest = float(bests.min())
        for scale in (0.2, 0.1, 0.05, 0.02):
            moved = [self.space.mutate(v, rng, scale=scale, share=0.5) for v in top * 40]
            losses = np.array([self.curve(v, EPOCHS).min() for v in moved])
            top = [*top[:1], *(moved[place] for place in np.argsort(losses)[:4])]
            lowest = min(lowest, float(losses.min()))
        return lowest


Curve = Callable[[Mapping[str, Any], np.random.Generator], np.ndarray]
"""From values and a generator of jitter: the loss of each epoch."""
Family = tuple[Curve, Callable[[Mapping[str, Any]], float], SearchSpace]


def chance(rng: np.random.Generator) -> Family:
    """Return curves most of which never leave the chance level, with a jitter that means nothing.

    The better a configuration, the sooner it leaves.
    """
    space, away = _numbers(rng)
    sampled = [away(space.sample(rng)) for _ in range(SAMPLE)]
    last = float(np.quantile(sampled, LEAVE))

    def curve(values: Mapping[str, Any], jitter: np.random.Generator) -> np.ndarray:
        place = away(values) / last
        learned = 1 - np.exp(-5 * np.maximum(0.0, SHARES - 0.1 - 0.8 * place))
        end = CHANCE * (0.4 + 0.5 * place)
        losses = CHANCE - (CHANCE - end) * learned
        return np.asarray(losses + 2e-4 * jitter.standard_normal(EPOCHS))

    return curve, _equal, space


def nominal(rng: np.random.Generator) -> Family:
    """Return curves over nominal choices, some with a number of their own, whose order comes late.

    Choices act alone and in pairs; the early loss depends on other choices than the last one.
    """
    keys = [f"choice_{number}" for number in range(NOMINAL)]
    names = tuple("abcde"[:CHOICES])
    parameters = {key: Parameter(key, "categorical", "a", choices=names) for key in keys}
    for key in keys[:2]:
        own = f"{key}_amount"
        parameters[own] = Parameter(
            own, "float", 0.5, low=0.0, high=1.0, active_when=({key: "b"}, {key: "c"})
        )
    alone = rng.random((NOMINAL, CHOICES))
    pairs = [tuple(pair) for pair in rng.choice(NOMINAL, (4, 2), replace=False)[:2]]
    together = rng.random((len(pairs), CHOICES, CHOICES))
    early = rng.random((NOMINAL, CHOICES))
    best = rng.random(2)

    def curve(values: Mapping[str, Any], jitter: np.random.Generator) -> np.ndarray:
        places = [names.index(values[key]) for key in keys]
        end = float(np.mean([alone[row, place] for row, place in enumerate(places)]))
        for table, (one, other) in zip(together, pairs, strict=True):
            end += 0.2 * float(table[places[one], places[other]])
        for key, middle in zip(keys[:2], best, strict=True):
            end += 0.3 * (values.get(f"{key}_amount", middle + 0.3) - middle) ** 2
        start = 1 + float(np.mean([early[row, place] for row, place in enumerate(places)]))
        losses = end + (start - end) * np.exp(-4 * SHARES)
        return np.asarray(losses + 0.005 * jitter.standard_normal(EPOCHS))

    return curve, _equal, SearchSpace(parameters, {})


def cosine(rng: np.random.Generator) -> Family:
    """Return curves of a rate that falls by a cosine: the higher, the later a loss comes down."""
    space, away = _numbers(rng)

    def curve(values: Mapping[str, Any], jitter: np.random.Generator) -> np.ndarray:
        rate = float(values["number_0"])
        end = away(values)
        high = (1 + np.cos(np.pi * SHARES)) / 2
        losses = end + (1.5 - end) * np.exp(-(3 + 3 * rate) * SHARES) + 0.8 * rate * high
        return np.asarray(losses + 0.01 * high * jitter.standard_normal(EPOCHS))

    return curve, _equal, space


def costs(rng: np.random.Generator) -> Family:
    """Return curves of models of many sizes: two parameters make an epoch dear, one of them better.

    The dearest tenth takes about ten times as long as the cheapest.
    """
    space, away = _numbers(rng)

    def curve(values: Mapping[str, Any], jitter: np.random.Generator) -> np.ndarray:
        end = away(values) + 0.1 * (1 - float(values["number_0"]))
        falls = np.exp(-5 * SHARES)
        return np.asarray(end + (1.2 - end) * falls + 0.003 * jitter.standard_normal(EPOCHS))

    def epoch_s(values: Mapping[str, Any]) -> float:
        return float(np.exp(2 * values["number_0"] + 2 * values["number_1"]))

    return curve, epoch_s, space


FAMILIES: dict[str, Callable[[np.random.Generator], Family]] = {
    "chance": chance,
    "nominal": nominal,
    "cosine": cosine,
    "costs": costs,
}


def load_generated(names: Sequence[str] | None) -> list[Task]:
    """Return the tasks of all families, or of those named."""
    families = chosen(names, list(FAMILIES), "--families")
    return [GeneratedTask(f, number) for f, number in itertools.product(families, range(TASKS))]


def _numbers(rng: np.random.Generator) -> tuple[SearchSpace, Callable[[Mapping[str, Any]], float]]:
    """Return a space of numbers, and the distance of a place from the best: 0 to about 1."""
    keys = [f"number_{number}" for number in range(NUMBERS)]
    space = SearchSpace({k: Parameter(k, "float", 0.5, low=0.0, high=1.0) for k in keys}, {})
    best = 0.1 + 0.8 * rng.random(NUMBERS)
    weights = rng.exponential(size=NUMBERS)
    weights /= weights.sum()

    def away(values: Mapping[str, Any]) -> float:
        place = np.array([values[key] for key in keys])
        return float(np.sqrt(weights @ (place - best) ** 2)) * 2

    return space, away


def _equal(values: Mapping[str, Any]) -> float:
    return 1.0
