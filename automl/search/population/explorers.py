"""The changes of values in population-based training, by Ray's PBT and PB2, over mixed spaces."""

import random
import warnings
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import pandas as pd
from ray.tune.schedulers import pb2, pbt
from sklearn.exceptions import ConvergenceWarning

from automl.search.population.searcher import Member
from automl.space.domain import Choices
from automl.space.space import Parameter, SearchSpace

# The functions of Ray's two schedulers that change values; they are typed for Ray's own trials.
_pbt_explore: Any = pbt._explore
_pb2_explore: Any = pb2._explore


class PbtExplorer:
    """Multiplies numbers by a factor or its inverse, and shifts booleans and choices.

    One value in five (`resample`) is sampled anew instead. Those in `kept` stay: a copy starts
    from its donor's checkpoint, so it must have its donor's model.
    """

    def __init__(
        self,
        space: SearchSpace,
        *,
        factor: float = 1.2,
        resample: float = 0.2,
        kept: Collection[str] = (),
    ) -> None:
        self._space = space
        self.kept = frozenset(kept)
        self._factors = (factor, 1 / factor)
        self._resample = resample

    def explore(self, donor: int, members: Mapping[int, Member], seed: int) -> dict[str, Any]:
        """Return changed values; those that become active are sampled."""
        values = members[donor].values
        with _seeded(seed) as rng:
            active = [self._space.parameters[key] for key in values if key not in self.kept]
            changed, _ = _pbt_explore(
                dict(values),
                {p.key: _distribution(p) for p in active},
                self._resample,
                self._factors,
                None,
            )
            return self._space.repaired(changed, rng)


class Pb2Explorer:
    """Ray's PB2 (Parker-Holder et al., NeurIPS 2020): a Gaussian process over time for numbers.

    The process sees numbers as places in the unit interval. Choices, and all values while the
    donor has fewer than two steps to learn from, change as in PBT.
    """

    def __init__(self, space: SearchSpace, perturb: PbtExplorer) -> None:
        self._space = space
        self._perturb = perturb
        self._numbers = [
            p for p in space.parameters.values() if not p.choices and p.key not in perturb.kept
        ]

    def explore(self, donor: int, members: Mapping[int, Member], seed: int) -> dict[str, Any]:
        """Return changed values; those that become active are sampled."""
        values = members[donor].values
        perturbed = self._perturb.explore(donor, members, seed)
        history = self._history(members)
        steps = history[history["Trial"] == str(donor)]
        if not self._numbers or len(steps) < 2:
            return perturbed
        with _seeded(seed) as rng, warnings.catch_warnings():
            # With few steps the process cannot fit its scales, and warns at length.
            warnings.simplefilter("ignore", category=ConvergenceWarning)
            # Ray gives scipy an option that scipy no longer uses.
            warnings.simplefilter("ignore", category=DeprecationWarning)
            config = self._places(values)
            chosen, _ = _pb2_explore(
                history, dict.fromkeys(config, (0.0, 1.0)), None, str(donor), "new", config
            )
            point = self._space.encode(perturbed)
            for index, parameter in enumerate(self._space.parameters.values()):
                if parameter.key in chosen:
                    point[index] = min(max(float(chosen[parameter.key]), 0.0), 1.0)
            return self._space.decode(_filled(point, rng))

    def _places(self, values: Mapping[str, Any]) -> dict[str, float]:
        point = dict(zip(self._space.parameters, self._space.encode(values).tolist(), strict=True))
        return {p.key: 0.5 if np.isnan(point[p.key]) else point[p.key] for p in self._numbers}

    def _history(self, members: Mapping[int, Member]) -> pd.DataFrame:
        rows = [
            {"Trial": str(n), "Time": epoch, **self._places(m.values), "Reward": -loss}
            for n, m in members.items()
            for epoch, loss in sorted(m.curve.items())
            if np.isfinite(loss)
        ]
        return pd.DataFrame(
            rows, columns=["Trial", "Time", *(p.key for p in self._numbers), "Reward"]
        )


def _filled(point: Any, rng: np.random.Generator) -> Any:
    return np.where(np.isnan(point), rng.random(len(point)), point)


def _distribution(parameter: Parameter) -> Any:
    if isinstance(parameter.domain, Choices):
        return list(parameter.choices)
    return lambda: parameter.domain.value_at(random.random())


@contextmanager
def _seeded(seed: int) -> Iterator[np.random.Generator]:
    """Seed the global generators that Ray uses, and restore them afterwards."""
    before, numpy_before = random.getstate(), np.random.get_state()  # noqa: NPY002
    random.seed(seed)
    np.random.seed(seed % 2**32)  # noqa: NPY002
    try:
        yield np.random.default_rng(seed)
    finally:
        random.setstate(before)
        np.random.set_state(numpy_before)  # noqa: NPY002
