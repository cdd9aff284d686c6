"""The search space: which parameters are searched, over which values, on which scale.

Built from a train schema and the base spec. A parameter whose switch is off is inactive: it is
neither suggested nor modelled. An unbounded or log-scaled range gets a finite window around its
default: down to a tenth and up to a hundred times of it, inside the schema's bounds.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from automl.domain import Choices, Domain, Range, identity
from automl.errors import UsageError
from automl.schema import Field, Schema
from automl.spec import flatten

WINDOW_DOWN, WINDOW_UP = 10.0, 100.0
KINDS = ("float", "int", "bool", "categorical")


@dataclass(frozen=True)
class Parameter:
    """One searched parameter; `low` and `high` are inclusive, bools are choices."""

    key: str
    kind: str
    default: Any
    low: float = 0.0
    high: float = 0.0
    is_log: bool = False
    choices: tuple[Any, ...] = ()
    active_when: tuple[Mapping[str, Any], ...] = ()
    weights: tuple[float, ...] = ()
    """Of the choices, above 0; none: all are equally likely."""

    @cached_property
    def domain(self) -> Domain:
        """The values that this parameter may take, whatever the others are."""
        if self.choices:
            return Choices(self.choices, self.weights)
        is_int = self.kind == "int"
        return Range(self.low, self.high, self.is_log, 1 if is_int else None, is_int)

    def contains(self, value: Any) -> bool:
        """Whether a value is one that this parameter can take."""
        return self.domain.contains(value)


class SearchSpace:
    """Parameters in an order in which a switch comes before what it switches.

    `base` is the flat base spec: it decides activity for switches that are not searched.
    """

    def __init__(self, parameters: Mapping[str, Parameter], base: Mapping[str, Any]) -> None:
        self.base = base
        self.parameters = {p.key: p for p in _parents_first(parameters)}

    def is_active(self, parameter: Parameter, values: Mapping[str, Any]) -> bool:
        """Whether the switches of a parameter are on, given the values chosen so far."""
        return not parameter.active_when or any(
            all(self._holds(switch, wanted, values) for switch, wanted in alternative.items())
            for alternative in parameter.active_when
        )

    def _holds(self, switch: str, wanted: Any, values: Mapping[str, Any]) -> bool:
        if switch in self.parameters and switch not in values:
            return False  # The switch is itself inactive.
        value = values.get(switch, self.base.get(switch))
        if isinstance(wanted, Mapping):
            return bool(value != wanted["not"])
        return bool(value == wanted)

    def defaults(self) -> dict[str, Any]:
        """Return the suggestion that changes nothing: every active parameter's default."""
        values: dict[str, Any] = {}
        for parameter in self.parameters.values():
            if self.is_active(parameter, values):
                values[parameter.key] = parameter.default
        return values

    def faults(self, values: Mapping[str, Any]) -> Iterator[str]:
        """Yield what is wrong with a suggestion: unknown, missing, inactive or out of range."""
        yield from (f"{key}: not searched" for key in values if key not in self.parameters)
        for parameter in self.parameters.values():
            active, given = self.is_active(parameter, values), parameter.key in values
            if active and not given:
                yield f"{parameter.key}: missing"
            elif given and not active:
                yield f"{parameter.key}: inactive, yet given"
            elif given and not parameter.contains(values[parameter.key]):
                yield f"{parameter.key}: {values[parameter.key]!r} is outside its range"

    def domain(self, parameter: Parameter, values: Mapping[str, Any]) -> Domain:
        """Return what a parameter may be, given the values of those before it."""
        return parameter.domain

    def sample(self, rng: np.random.Generator) -> dict[str, Any]:
        """Draw a suggestion: each active parameter by its weights and on its scale."""
        return self.decode(rng.random(len(self.parameters)))

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
        moves = rng.random(len(self.parameters)) < share
        active = [i for i, key in enumerate(self.parameters) if key in values]
        if active and not moves[active].any():
            moves[rng.choice(active)] = True
        changed: dict[str, Any] = {}
        for parameter, moved in zip(self.parameters.values(), moves, strict=True):
            if not self.is_active(parameter, changed):
                continue
            key, domain = parameter.key, self.domain(parameter, changed)
            if key not in values:
                changed[key] = domain.value_at(rng.random())
            elif moved:
                changed[key] = _moved(domain, parameter.kind, values[key], rng, scale)
            else:
                changed[key] = _kept(domain, values[key], rng)
        return changed

    def sample_near(
        self, values: Mapping[str, Any], rng: np.random.Generator, *, scale: float
    ) -> dict[str, Any]:
        """Return a valid suggestion near another: every parameter moved."""
        return self.mutate(values, rng, scale=scale, share=1.0)

    def to_dict(self) -> dict[str, Any]:
        """Return the plain form that space.yaml holds."""
        return {
            key: {k: _plain(v) for k, v in asdict(p).items() if k != "key"}
            for key, p in self.parameters.items()
        }


def _moved(domain: Domain, kind: str, value: Any, rng: np.random.Generator, scale: float) -> Any:
    if domain.size == 1:
        return domain.value_at(0.5)
    if isinstance(domain, Choices) and (kind != "ordered" or not domain.contains(value)):
        others = domain.where(lambda choice: identity(choice) != identity(value)) or domain
        return others.value_at(rng.random())
    place = domain.position_of(value) + scale * rng.standard_normal()
    moved = domain.value_at(_reflected(place))
    if moved == value:  # A cell is wider than the step: go to the next one.
        up = bool(rng.random() < 0.5)
        moved = domain.neighbour(value, up=up)
        if moved == value:
            moved = domain.neighbour(value, up=not up)
    return moved


def _kept(domain: Domain, value: Any, rng: np.random.Generator) -> Any:
    """Return the value where it is still allowed, else the nearest number or another choice."""
    if domain.contains(value):
        return value
    if isinstance(domain, Choices):
        return domain.value_at(rng.random())
    return domain.value_at(domain.position_of(value))


def _reflected(place: float) -> float:
    place = abs(place) % 2
    return 2 - place if place > 1 else place


def space_from_schema(
    schema: Schema, spec: Mapping[str, Any], *, fixed: frozenset[str] = frozenset()
) -> SearchSpace:
    """Build the space of the schema's AutoML parameters around a resolved spec.

    Keys in `fixed` are not searched. Raises `UsageError` naming each parameter that cannot be.
    """
    base = flatten(spec)
    parameters, faults = {}, []
    for key in schema.automl_defaults:
        if key in fixed:
            continue
        known = schema.fields.get(key)
        if known is None:
            faults.append(f"{key}: is in automl_default_parameters but not in the schema")
            continue
        try:
            parameters[key] = _parameter(known, base.get(key, known.default))
        except UsageError as error:
            faults.extend(error.faults)
    if faults:
        raise UsageError(*faults)
    return SearchSpace(parameters, base)


def _weights(known: Field) -> tuple[float, ...]:
    """Return the weights of a field's choices; raises `UsageError` where they cannot be some."""
    count, weights = len(known.choices), known.weights
    if not weights:
        return ()
    if len(weights) != count:
        raise UsageError(f"{known.key}: {len(weights)} option_weights for {count} options")
    if any(isinstance(w, bool) or not isinstance(w, int | float) or not w > 0 for w in weights):
        raise UsageError(f"{known.key}: option_weights {list(weights)} must be numbers above 0")
    return weights


def _parameter(known: Field, default: Any) -> Parameter:
    if known.type not in KINDS:
        raise UsageError(
            f"{known.key}: parameters of type {known.type} cannot be searched; "
            f"searched are {', '.join(KINDS)}"
        )
    if known.type == "bool" or known.choices:
        return Parameter(
            key=known.key,
            kind=known.type,
            default=default,
            choices=known.choices or (False, True),
            active_when=known.active_when,
            weights=_weights(known),
        )
    low, high, is_log = _range(known, default)
    return Parameter(
        key=known.key,
        kind=known.type,
        default=default,
        low=low,
        high=high,
        is_log=is_log,
        active_when=known.active_when,
    )


def _range(known: Field, default: Any) -> tuple[float, float, bool]:
    if isinstance(default, bool) or not isinstance(default, int | float):
        raise UsageError(f"{known.key}: default {default!r} is no number, so no range can be built")
    low, high = _closed(known)
    is_finite = math.isfinite(low) and math.isfinite(high)
    is_log = known.scale == "log" or not is_finite
    if is_log:
        if default <= 0:
            raise UsageError(
                f"{known.key}: a log scale needs a default above 0, not {default!r}; "
                "give the schema finite bounds and a linear scale"
            )
        low, high = max(low, default / WINDOW_DOWN), min(high, default * WINDOW_UP)
    if known.type == "int":
        low, high = math.ceil(low), math.floor(high)
    if not low <= default <= high:
        raise UsageError(
            f"{known.key}: default {default!r} is outside [{low:g}, {high:g}], the range searched"
        )
    return low, high, is_log


def _closed(known: Field) -> tuple[float, float]:
    """Return inclusive bounds: an open bound moves to its nearest value inside."""
    low, high = known.low, known.high
    if known.low_is_open:
        low = low + 1 if known.type == "int" else math.nextafter(low, math.inf)
    if known.high_is_open:
        # A beta of nextafter(1, 0) is 1 in 32 bits: stay inside by what single precision sees.
        high = high - 1 if known.type == "int" else high - abs(high or 1.0) * 1e-6
    return low, high


def _parents_first(parameters: Mapping[str, Parameter]) -> list[Parameter]:
    ordered: dict[str, Parameter] = {}

    def visit(parameter: Parameter, above: tuple[str, ...]) -> None:
        if parameter.key in above:
            raise UsageError(f"{parameter.key}: is active only when it is active (a ring)")
        for switch in (key for alternative in parameter.active_when for key in alternative):
            if switch in parameters:
                visit(parameters[switch], (*above, parameter.key))
        ordered.setdefault(parameter.key, parameter)

    for key in sorted(parameters):
        visit(parameters[key], ())
    return list(ordered.values())


def _plain(value: Any) -> Any:
    return [_plain(v) for v in value] if isinstance(value, tuple) else value
