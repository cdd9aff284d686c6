"""The search space: samples, encodes, decodes and mutates valid suggestions.

A parameter whose switch is off is inactive: it is neither suggested nor modelled. Conditions shape
the space itself: every point of the unit cube is a valid suggestion, and every valid suggestion has
a point.
"""

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from automl.errors import UsageError
from automl.schema.values import identity, number_of
from automl.space.dependencies import Dependencies
from automl.space.domain import Choices, Domain
from automl.space.parameter import Parameter, Switches
from automl.space.plain_form import check_plain_form

__all__ = ["Parameter", "SearchSpace", "nearest_in"]

_NONE: Mapping[str, str] = {}

PRIOR_SHARE, PRIOR_SCALE = 0.5, 0.2
"""Share of the samples near a prior, and their standard deviation in the unit interval."""


class SearchSpace:
    """Parameters, ordered so that switches and parents precede what depends on them.

    `base` is the flat base spec: it gives the values of switches and parents that are not
    searched. Held parameters restrict others but are not among `parameters`. `left_out` has the
    keys that the schema would have searched, each with the reason why they are not.
    Raises `UsageError` naming each parameter whose conditions no value can fulfil.
    """

    def __init__(
        self,
        parameters: Mapping[str, Parameter],
        base: Mapping[str, Any],
        *,
        left_out: Mapping[str, str] = _NONE,
    ) -> None:
        self.base = base
        self.left_out = left_out
        self._dependencies = Dependencies(parameters)
        self.parameters = {key: parameters[key] for key in self._dependencies.order}
        if faults := list(self._dependencies.check(base, self.is_active)):
            raise UsageError(*dict.fromkeys(faults))

    def is_active(self, parameter: Parameter, values: Mapping[str, Any]) -> bool:
        """Whether the switches of a parameter are on, given the values chosen so far."""
        alternatives = parameter.switches
        return not alternatives or any([self._are_on(a, values) for a in alternatives])

    def _are_on(self, switches: Switches, values: Mapping[str, Any]) -> bool:
        for switch, is_excluded, kind in switches:
            if switch in values:
                value = values[switch]
            elif switch in self.parameters:
                return False  # The switch is itself inactive.
            else:
                value = self.base.get(switch)
            if (identity(value) == kind) is is_excluded:
                return False
        return True

    def defaults(self) -> dict[str, Any]:
        """Return every active parameter's default: the suggestion that changes nothing.

        If a condition excludes a default, the nearest allowed value replaces it.
        """
        values: dict[str, Any] = {}
        for parameter in self.parameters.values():
            if self.is_active(parameter, values):
                domain = self.domain(parameter, values)
                values[parameter.key] = nearest_in(domain, parameter.given(values).default)
        return values

    def faults(self, values: Mapping[str, Any]) -> Iterator[str]:
        """Yield the faults of a suggestion: keys unknown, missing, inactive or out of range."""
        yield from (f"{key}: not searched" for key in values if key not in self.parameters)
        for parameter in self.parameters.values():
            active, given = self.is_active(parameter, values), parameter.key in values
            if active and not given:
                yield f"{parameter.key}: missing"
            elif given and not active:
                yield f"{parameter.key}: inactive, yet given"
            elif given and not self._allows(parameter, values):
                yield f"{parameter.key}: {values[parameter.key]!r} is outside its range"

    def misfits(self, values: Mapping[str, Any]) -> Iterator[str]:
        """Yield the first value that has no place in the unit cube: `encode` would fail.

        A number beyond its range has one, at an end.
        """
        for key, parameter in self.parameters.items():
            if key in values and not _has_place(self.domain(parameter, values), values[key]):
                yield f"{key}: {values[key]!r:.40} is no value of space.yaml"
                return  # What it is a switch or a parent of cannot be judged.

    def _allows(self, parameter: Parameter, values: Mapping[str, Any]) -> bool:
        try:
            return self.domain(parameter, values).contains(values[parameter.key])
        except UsageError:  # Its parent's value leaves it none.
            return False

    def domain(self, parameter: Parameter, values: Mapping[str, Any]) -> Domain:
        """Return the domain of a parameter, given the values of those before it."""
        if parameter.relation is None and parameter.key not in self._dependencies.children:
            return parameter.given(values).domain
        return self._dependencies.domain(parameter, self.base, values, self.is_active)

    def sample(
        self, rng: np.random.Generator, places: NDArray[np.float64] | None = None
    ) -> dict[str, Any]:
        """Sample a suggestion: each active parameter by its weights, scale and prior.

        `places`, one uniform number per parameter, replace the random ones.
        """
        values: dict[str, Any] = {}
        for number, parameter in enumerate(self.parameters.values()):
            if self.is_active(parameter, values):
                domain = self.domain(parameter, values)
                place = rng.random() if places is None else float(places[number])
                drawn = _drawn(parameter.given(values), domain, place, rng)
                values[parameter.key] = domain.value_at(drawn)
        return values

    def encode(self, values: Mapping[str, Any]) -> NDArray[np.float64]:
        """Return a suggestion's places in [0, 1], in the order of `parameters`; inactive: NaN."""
        places = [
            self.domain(parameter, values).position_of(values[key]) if key in values else math.nan
            for key, parameter in self.parameters.items()
        ]
        return np.array(places, dtype=np.float64)

    def decode(self, vector: NDArray[np.float64]) -> dict[str, Any]:
        """Return the valid suggestion at a point of the unit cube; inactive places are ignored.

        A place that is NaN though its parameter is active counts as the middle.
        """
        values: dict[str, Any] = {}
        for parameter, place in zip(self.parameters.values(), vector.tolist(), strict=True):
            if self.is_active(parameter, values):
                place = 0.5 if math.isnan(place) else min(max(place, 0.0), 1.0)
                values[parameter.key] = self.domain(parameter, values).value_at(place)
        return values

    def mutate(
        self, values: Mapping[str, Any], rng: np.random.Generator, *, scale: float, share: float
    ) -> dict[str, Any]:
        """Return a valid neighbour: a `share` of the parameters moved, at least one.

        Numbers and ordered choices move by a Gaussian of `scale` in the unit interval, reflected
        at its ends; other choices are drawn anew among the others. What becomes active is drawn.
        """
        moves = (rng.random(len(self.parameters)) < share).tolist()
        active = [i for i, key in enumerate(self.parameters) if key in values]
        if active and not any(moves[i] for i in active):
            moves[rng.choice(active)] = True
        changed: dict[str, Any] = {}
        for parameter, moved in zip(self.parameters.values(), moves, strict=True):
            if not self.is_active(parameter, changed):
                continue
            key, domain = parameter.key, self.domain(parameter, changed)
            if key not in values:
                changed[key] = domain.value_at(rng.random())
            elif moved:
                changed[key] = _moved(domain, parameter, values[key], rng, scale)
            else:
                changed[key] = nearest_in(domain, values[key])
        return changed

    def repaired(self, values: Mapping[str, Any], rng: np.random.Generator) -> dict[str, Any]:
        """Return the nearest valid suggestion: inactive keys go, missing ones are sampled."""
        valid: dict[str, Any] = {}
        for key, parameter in self.parameters.items():
            if self.is_active(parameter, valid):
                domain = self.domain(parameter, valid)
                is_known = key in values
                valid[key] = (
                    nearest_in(domain, values[key]) if is_known else domain.value_at(rng.random())
                )
        return valid

    def to_dict(self) -> dict[str, Any]:
        """Return the plain form that space.yaml holds."""
        known = {**self.parameters, **self._dependencies.held}
        return {key: parameter.to_dict() for key, parameter in known.items()}

    @classmethod
    def from_dict(cls, content: Mapping[str, Any], base: Mapping[str, Any]) -> "SearchSpace":
        """Return the space of a plain form; the inverse of `to_dict`.

        Raises `UsageError` for values that make no parameter.
        """
        check_plain_form(content)
        return cls({key: Parameter.from_dict(key, c) for key, c in content.items()}, base)


def _has_place(domain: Domain, value: Any) -> bool:
    if isinstance(domain, Choices):
        return domain.contains(value)
    number = number_of(value)
    return number is not None and math.isfinite(number)


def nearest_in(domain: Domain, value: Any) -> Any:
    """Return a value itself if it is allowed, else the nearest number or the first choice."""
    if domain.contains(value):
        return value
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not isinstance(domain, Choices):
        return domain.value_at(domain.position_of(value) if is_number else 0.5)
    numbers = [v for v in domain.values if isinstance(v, int | float) and not isinstance(v, bool)]
    if is_number and numbers:
        return min(numbers, key=lambda number: abs(number - value))
    return domain.values[0]


def _drawn(parameter: Parameter, domain: Domain, place: float, rng: np.random.Generator) -> float:
    if parameter.prior is None or not domain.contains(parameter.prior):
        return place
    if rng.random() >= PRIOR_SHARE:
        return place
    prior = domain.position_of(parameter.prior)
    if parameter.is_nominal:
        return prior
    return _reflected(prior + PRIOR_SCALE * rng.standard_normal())


def _moved(
    domain: Domain, parameter: Parameter, value: Any, rng: np.random.Generator, scale: float
) -> Any:
    if domain.size == 1:
        return domain.value_at(0.5)
    if not parameter.is_nominal:
        value = nearest_in(domain, value)
    elif isinstance(domain, Choices):
        return domain.others(value).value_at(rng.random())
    place = domain.position_of(value) + scale * rng.standard_normal()
    moved = domain.value_at(_reflected(place))
    if moved == value:  # A cell is wider than the step: go to the next one.
        up = bool(rng.random() < 0.5)
        moved = domain.neighbour(value, up=up)
        if moved == value:
            moved = domain.neighbour(value, up=not up)
    return moved


def _reflected(place: float) -> float:
    place = abs(place) % 2
    return 2 - place if place > 1 else place
