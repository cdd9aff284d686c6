"""Computes regret, ranks, intervals and critical differences from the runs."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypedDict

import numpy as np

BUDGETS = (100, 200, 300, 500, 1000)


class Summary(TypedDict):
    """The figures of one method; regret and rank are means by budget."""

    regret: dict[str, float]
    rank: dict[str, float]
    seconds_per_decision: float


@dataclass(frozen=True)
class Figures:
    """Regret of every method on every (task, seed), at one budget each.

    `regret[budget]` has the shape (methods, tasks, seeds).
    """

    methods: list[str]
    tasks: list[str]
    regret: Mapping[int, np.ndarray]
    seconds_per_decision: list[float]

    def only(self, methods: Sequence[str]) -> "Figures":
        """Return the figures of some of the methods."""
        places = [self.methods.index(method) for method in methods]
        return Figures(
            list(methods),
            self.tasks,
            {b: values[places] for b, values in self.regret.items()},
            [self.seconds_per_decision[place] for place in places],
        )

    def families(self) -> dict[str, "Figures"]:
        """Return the figures of each family apart: the tasks whose names begin alike."""
        named = [task.partition("-")[0] for task in self.tasks]
        parts = {}
        for family in dict.fromkeys(named):
            places = [place for place, name in enumerate(named) if name == family]
            tasks = [self.tasks[place] for place in places]
            regret = {b: values[:, places] for b, values in self.regret.items()}
            parts[family] = replace(self, tasks=tasks, regret=regret)
        return parts

    def against_best(self, method: str, budget: int) -> tuple[str, float, float, float]:
        """Return the best other method, and how a method's mean regret compares with its.

        They are the ratio, the difference, and the standard error of that over tasks and seeds.
        """
        regret = dict(zip(self.methods, self.regret[budget], strict=True))
        own = regret.pop(method)
        best = min(regret, key=lambda name: float(regret[name].mean()))
        differences = (own - regret[best]).ravel()
        error = float(differences.std(ddof=1)) / math.sqrt(len(differences))
        ratio = float(own.mean()) / max(float(regret[best].mean()), 1e-9)
        return best, ratio, float(differences.mean()), error

    def ranks(self, budget: int) -> np.ndarray:
        """Return (methods, tasks, seeds): 1 is best, equals share the mean of their places."""
        return _ranks(self.regret[budget])

    def summary(self) -> dict[str, Summary]:
        """Return the plain form: per method its mean regret and mean rank at each budget."""
        ranks = {b: self.ranks(b) for b in self.regret}
        return {
            method: {
                "regret": {str(b): _mean(self.regret[b][i]) for b in self.regret},
                "rank": {str(b): _mean(ranks[b][i]) for b in self.regret},
                "seconds_per_decision": round(self.seconds_per_decision[i], 5),
            }
            for i, method in enumerate(self.methods)
        }

    def worse_than(self, method: str, other: str, budget: int) -> dict[str, tuple[float, float]]:
        """Return the tasks on which a method is worse, by the 95 % interval of the difference.

        The seeds are paired; the interval is Student's, its bounds are (low, high).
        """
        a, b = (self.regret[budget][self.methods.index(m)] for m in (method, other))
        worse = {}
        for task, difference in zip(self.tasks, a - b, strict=True):
            half = _half_width(difference)
            if difference.mean() - half > 0:
                worse[task] = (float(difference.mean() - half), float(difference.mean() + half))
        return worse


def critical_difference(methods: int, blocks: int) -> float:
    """Return Nemenyi's critical difference of mean ranks at 5 % (Demsar, JMLR 2006)."""
    from scipy.stats import studentized_range

    q = studentized_range.ppf(0.95, methods, math.inf) / math.sqrt(2)
    return float(q * math.sqrt(methods * (methods + 1) / (6 * blocks)))


def _ranks(losses: np.ndarray) -> np.ndarray:
    below = (losses[:, None] > losses[None]).sum(axis=1)
    equal = (losses[:, None] == losses[None]).sum(axis=1)
    return np.asarray(below + (equal + 1) / 2)


def _mean(values: np.ndarray) -> float:
    return round(float(values.mean()), 4)


def _half_width(values: np.ndarray) -> float:
    from scipy.stats import t

    if len(values) < 2:
        return math.inf
    error = values.std(ddof=1) / math.sqrt(len(values))
    return float(t.ppf(0.975, len(values) - 1) * error)
