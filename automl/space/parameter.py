"""A parameter of the search space: its values, its switches and its relation to others."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from functools import cached_property
from typing import Any

from automl.schema.conditions import Relation
from automl.schema.values import identity
from automl.space.domain import Choices, Domain, Range

KINDS = ("float", "int", "bool", "categorical", "ordered")
NOMINAL = ("bool", "categorical")
"""Kinds whose choices have no order."""
CASE_FIELDS = ("low", "high", "is_log", "step", "holes", "choices", "weights", "prior")
"""The fields of a parameter that a named choice may change, besides its default."""
Switches = tuple[tuple[str, bool, Any], ...]
"""Conditions that all must hold: key, whether its value is excluded, the value's `identity`."""


@dataclass(frozen=True)
class Parameter:
    """One parameter; `low` and `high` are inclusive, bools are choices."""

    key: str
    """Dotted key of the spec; a number at its end is a place in a list."""
    kind: str
    default: Any
    """The value of trial 0."""
    low: float = 0.0
    high: float = 0.0
    is_log: bool = False
    choices: tuple[Any, ...] = ()
    active_when: tuple[Mapping[str, Any], ...] = ()
    """Alternatives; in each, keys and the values that they must have, or ``{"not": value}``."""
    weights: tuple[float, ...] = ()
    """Positive weights of the choices; empty if all are equally likely."""
    step: float | None = None
    """Distance between values; None means 1 for ints and a continuous range for floats."""
    holes: tuple[float, ...] = ()
    """Numbers within the range that are excluded."""
    relation: Relation | None = None
    """Its relation to the value of its parent."""
    prior: Any = None
    """The expected best value; half of the samples are near it."""
    type: str = ""
    """The type in the schema."""
    conditions: tuple[str, ...] = ()
    """The schema's conditions besides bounds, as text."""
    why: str = ""
    """The reason why it is searched."""
    is_held: bool = False
    """Whether it keeps its default: it is not searched, but restricts its parent while active."""

    rank: int = field(default=0, compare=False)
    """Its place in the overlay, from 1: what matters most comes first. 0: not in it."""
    case_key: str = ""
    """The named choice on which its range depends."""
    cases: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """By name of that choice: the fields of its range."""

    @cached_property
    def domain(self) -> Domain:
        """The values that this parameter may take, regardless of others."""
        if self.choices:
            return Choices(self.choices, self.weights)
        is_int = self.kind == "int"
        step = self.step or (1 if is_int else None)
        return Range(self.low, self.high, self.is_log, step, is_int, self.holes)

    def domains(self) -> Iterator[Domain]:
        """Yield the values that this parameter may take, and those beside each named choice."""
        yield self.domain
        yield from (variant.domain for variant in self._variants.values())

    @cached_property
    def switches(self) -> tuple[Switches, ...]:
        """The alternatives of `active_when`, prepared for checking."""
        return tuple(
            tuple(
                (key, True, identity(wanted["not"]))
                if isinstance(wanted, Mapping)
                else (key, False, identity(wanted))
                for key, wanted in alternative.items()
            )
            for alternative in self.active_when
        )

    def given(self, values: Mapping[str, Any]) -> "Parameter":
        """Return the parameter with the range that it has beside a named choice."""
        return self._variants.get(values.get(self.case_key), self) if self.cases else self

    @cached_property
    def _variants(self) -> dict[Any, "Parameter"]:
        return {name: self._variant(case) for name, case in self.cases.items()}

    def _variant(self, case: Mapping[str, Any]) -> "Parameter":
        changes: dict[str, Any] = {"case_key": "", "cases": {}, **case}
        changes |= {name: tuple(case[name]) for name in ("choices", "weights", "holes")}
        return replace(self, **changes)

    @property
    def is_nominal(self) -> bool:
        """Whether its values have no order."""
        return self.kind in NOMINAL

    def contains(self, value: Any) -> bool:
        """Whether this parameter may take a value."""
        return self.domain.contains(value)

    def to_dict(self) -> dict[str, Any]:
        """Return the plain form that space.yaml holds, without default values."""
        content = asdict(self)
        return {f.name: _plain(content[f.name]) for f in fields(self)
                if f.name != "key" and content[f.name] not in (f.default, {})}  # fmt: skip

    @classmethod
    def from_dict(cls, key: str, content: Mapping[str, Any]) -> "Parameter":
        """Return the parameter of a plain form that `check_plain_form` accepts."""
        tuples = {
            name: tuple(content[name])
            for name in ("choices", "active_when", "weights", "holes", "conditions")
            if name in content
        }
        relation = content.get("relation")
        return cls(
            key,
            **{**content, **tuples, "relation": None if relation is None else Relation(**relation)},
        )


def _plain(value: Any) -> Any:
    return [_plain(v) for v in value] if isinstance(value, tuple) else value
