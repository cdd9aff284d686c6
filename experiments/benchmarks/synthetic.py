"""Searches made-up losses that mislead: late orders, plateaus, noise, parameters without effect.

    python -m experiments.benchmarks.synthetic [--methods auto,random] [--seeds 3]

They show pathologies and rank no method. Regret is as in the replay: 0 is the optimum, 1 the median
configuration, both of the last epoch without noise. The finished model counts alone: the best
trial by its last value among those trained in full, so that a search that trains none has no
figure.
"""

import argparse
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from automl.search.algorithms import make_searcher
from automl.space.space import Parameter, SearchSpace
from automl.trial.budget import UNLIMITED, Budget
from automl.trial.moves import Continue, Start
from automl.trial.objective import Objective
from automl.trial.trial import Decision, Outcome, TrialState

EPOCHS = 20
"""One full training."""
BUDGET = 400
"""Epochs of one search."""
START = 1.0
"""Loss of an untrained model."""
KEYS = "abcde"
METHODS = ("auto", "random", "asha", "hyperband")

Loss = Callable[[float, float, np.random.Generator], float]
"""From a configuration's end in [0, 1], the share of the training, and a generator of noise."""


def usual(end: float, share: float, rng: np.random.Generator) -> float:
    """Return a loss that falls from the same start towards the end of its configuration."""
    return end + (START - end) * math.exp(-4 * share)


def noisy(end: float, share: float, rng: np.random.Generator) -> float:
    """Return a loss with noise of .1, about .3 of the distance from the median to the optimum."""
    return usual(end, share, rng) + 0.1 * rng.standard_normal()


def plateau(end: float, share: float, rng: np.random.Generator) -> float:
    """Return a loss that is equal for all until 30 % of the training."""
    return START if share <= 0.3 else usual(end, share, rng)


def jittery_plateau(end: float, share: float, rng: np.random.Generator) -> float:
    """Return the loss of a plateau with a jitter that means nothing."""
    return plateau(end, share, rng) + 0.01 * rng.standard_normal()


def reversed_order(end: float, share: float, rng: np.random.Generator) -> float:
    """Return a loss whose order until 66 % of the training is the reverse of the end's."""
    return usual(end if share > 0.66 else 1 - end, share, rng)


def late_effect(end: float, share: float, rng: np.random.Generator) -> float:
    """Return a loss on which the configuration acts after 35 % of the training alone."""
    return usual(end if share > 0.35 else 0.5, share, rng)


def no_effect(end: float, share: float, rng: np.random.Generator) -> float:
    """Return a loss on which nothing that is searched acts."""
    return usual(0.5, share, rng)


def rare_classes(end: float, share: float, rng: np.random.Generator) -> float:
    """Return a loss that is equal for all until a configuration's learning begins, if it does.

    As on `automl data sample --kind rare`: the better a configuration, the sooner it begins, in the
    worse half never; the worst look better than that at first, since they unlearn the random
    predictions of their start more slowly.
    """
    begins = 0.3 + 1.4 * end
    if share > begins:
        return end + (START - end) * math.exp(-5 * (share - begins))
    if end > 0.45:
        return START - max(0.0, 0.05 * (1 - share / 0.6) + 0.01 * rng.standard_normal())
    return START


CASES: Mapping[str, Loss] = {
    "usual": usual,
    "noise": noisy,
    "plateau": plateau,
    "plateau with jitter": jittery_plateau,
    "order reversed until 66 %": reversed_order,
    "acts after 35 % only": late_effect,
    "no effect": no_effect,
    "rare classes": rare_classes,
}


@dataclass
class Played:
    """One search: the ends and the epochs of its trials."""

    ends: dict[int, float] = field(default_factory=dict)
    epochs: dict[int, int] = field(default_factory=dict)
    values: dict[int, float] = field(default_factory=dict)
    """The last reported loss of each trial."""

    @property
    def full(self) -> list[int]:
        """The trials trained in full."""
        return [trial for trial, epoch in self.epochs.items() if epoch == EPOCHS]

    def finished(self) -> float:
        """Return the end of the best finished trial; NaN without any."""
        if not self.full:
            return math.nan
        return self.ends[min(self.full, key=lambda trial: self.values[trial])]


def space() -> SearchSpace:
    """Return five equal parameters, whose default is the middle."""
    return SearchSpace({k: Parameter(k, "float", 0.5, low=0.0, high=1.0) for k in KEYS}, {})


def end_of(values: Mapping[str, Any], best: np.ndarray) -> float:
    """Return the last loss without noise: the distance from the best place, 0 to 1."""
    away = np.array([values[key] for key in KEYS]) - best
    return float(np.sqrt((away**2).sum() / len(KEYS)))


def play(method: str, case: str, *, seed: int, budget: int = BUDGET) -> Played:
    """Return what a search of one worker did."""
    rng, best = np.random.default_rng(seed), np.random.default_rng(1000 + seed).random(len(KEYS))
    limits = Budget(UNLIMITED, EPOCHS, budget_epochs=budget)
    searcher = make_searcher(method, space(), Objective("loss", "min"), limits, seed=seed)
    played = Played()
    while isinstance(move := searcher.next(), Start | Continue):
        searcher.start(move)
        trial = move.trial
        if isinstance(move, Start):
            played.ends[trial], played.epochs[trial] = end_of(move.values, best), 0
        decision = Decision.CONTINUE
        while decision is Decision.CONTINUE and played.epochs[trial] < move.epochs:
            played.epochs[trial] += 1
            share = played.epochs[trial] / EPOCHS
            played.values[trial] = CASES[case](played.ends[trial], share, rng)
            epoch = played.epochs[trial]
            decision = searcher.report(trial, epoch, played.values[trial]).decision
        is_full = played.epochs[trial] == EPOCHS
        state = decision.state if decision is not Decision.CONTINUE else TrialState.PAUSED
        searcher.finish(trial, Outcome(TrialState.COMPLETED if is_full else state))
    return played


def regret(end: float, *, seed: int) -> float:
    """Return an end's regret: 0 at the best place, 1 at the median of 2000 random ones."""
    rng, best = np.random.default_rng(0), np.random.default_rng(1000 + seed).random(len(KEYS))
    ends = [end_of(dict(zip(KEYS, row, strict=True)), best) for row in rng.random((2000, 5))]
    return end / float(np.median(ends))


def main() -> None:
    """Print a line for each case, a cell for each method: mean regret (started / in full)."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--methods", default=",".join(METHODS))
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args()
    methods = options.methods.split(",")
    print("| case | " + " | ".join(methods) + " |\n| --- |" + " --- |" * len(methods))
    for case in CASES:
        print(f"| {case} | " + " | ".join(_cell(m, case, options.seeds) for m in methods) + " |",
              flush=True)  # fmt: skip


def _cell(method: str, case: str, seeds: int) -> str:
    played = [play(method, case, seed=seed) for seed in range(seeds)]
    regrets = [regret(one.finished(), seed=seed) for seed, one in enumerate(played)]
    started = np.mean([len(one.epochs) for one in played])
    full = np.mean([len(one.full) for one in played])
    without = sum(map(math.isnan, regrets))
    mean = f"{np.nanmean(regrets):.2f}" if without < seeds else "-"
    none = f", {without} without" if without else ""
    return f"{mean} ({started:.0f}/{full:.1f}{none})"


if __name__ == "__main__":
    main()
