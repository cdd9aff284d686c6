"""One entry of an overlay, and its changes to the schema's field."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from automl.errors import UsageError
from automl.schema.conditions import Condition, parse_condition
from automl.schema.field import Field
from automl.schema.schema import Schema
from automl.schema.values import identity, number_of


@dataclass(frozen=True)
class Entry:
    """Changes of one searched parameter; None keeps the schema's word."""

    key: str
    low: Any = None
    """A number, or for lists of numbers a list of them."""
    high: Any = None
    log: bool | None = None
    step: float | None = None
    choices: tuple[Any, ...] | None = None
    weights: tuple[float, ...] | None = None
    prior: Any = None
    active_when: tuple[Mapping[str, Any], ...] | None = None
    depends_on: str | None = None
    only_if: Mapping[str, str] | None = None
    """Comparisons by name of a fact of the data, such as ``> 200``: else it is not searched."""
    otherwise: Any = None
    """The value that it has where `only_if` does not hold; None: that of the spec."""
    starts_at_prior: bool = False
    """Whether trial 0 has the prior instead of the value of the spec."""
    override: bool = False
    """Whether the entry may exceed the schema's bounds and choices, and enable parameters."""
    source: str = ""
    """The file or flag of the entry, for messages and for `automl skill show`."""

    @property
    def given(self) -> frozenset[str]:
        """The ends of the range that it sets."""
        return frozenset(end for end in ("low", "high") if getattr(self, end) is not None)


def apply_entry(schema: Schema, known: Field, entry: Entry) -> Field:
    """Return a field changed by an entry; raises `UsageError` for changes that are not allowed."""
    faults = list(_faults(schema, known, entry))
    if faults:
        raise UsageError(*(f"{entry.source}: {known.key}: {fault}" for fault in faults))
    changes: dict[str, Any] = {}
    for end in entry.given:
        value = getattr(entry, end)
        if isinstance(value, list):
            changes[f"{end}s"] = tuple(map(float, value))
        else:
            changes |= {end: float(value), f"{end}_is_open": False, f"{end}s": ()}
    if entry.log is not None:
        changes["scale"] = "log" if entry.log else "linear"
    if entry.step is not None:
        changes["step"] = entry.step
    if entry.choices is not None:
        changes["choices"] = entry.choices
        changes["weights"] = ()
    if entry.weights is not None:
        changes["weights"] = entry.weights
    if entry.active_when is not None:
        changes["active_when"] = entry.active_when
    if entry.depends_on is not None:
        changes["condition"] = _condition(known, entry.depends_on)
    return replace(known, **changes)


def _condition(known: Field, depends_on: str) -> Condition:
    """Return the field's condition, with the parent that the entry names."""
    stated = parse_condition(known.key, None, depends_on)
    relation = stated.relation
    if relation is None and known.condition.relation is not None:
        relation = replace(known.condition.relation, parent=stated.parent)
    return replace(known.condition, relation=relation, parent=stated.parent)


def _faults(schema: Schema, known: Field, entry: Entry) -> list[str]:
    faults = []
    is_disabled = known.is_searchable is False or known.key in schema.automl_disabled
    if is_disabled and not entry.override:
        faults.append("the schema disables it for AutoML; search it with override: true")
    is_numeric = known.type in ("float", "int", "ordered", "ordered_int", "any") or known.is_list
    if entry.choices is None and not is_numeric and (entry.given or entry.log or entry.step):
        faults.append(f"low, high, log and step are for numbers, not for type {known.type}")
    if entry.choices is not None and (entry.given or entry.log or entry.step):
        faults.append("choices and low, high, log or step exclude each other")
    if entry.choices is not None and len(set(map(identity, entry.choices))) < len(entry.choices):
        faults.append(f"choices {list(entry.choices)!r} name one twice")
    if not entry.override:
        faults += _outside(schema, known, entry)
    low, high = number_of(entry.low), number_of(entry.high)
    if low is not None and high is not None and low > high:
        faults.append(f"low {low:g} is above high {high:g}")
    if entry.log and low is not None and low <= 0:
        faults.append(f"a log scale needs a low end above 0, not {low:g}")
    return faults


def _outside(schema: Schema, known: Field, entry: Entry) -> list[str]:
    """Return the faults of values outside the schema; an end at an open bound is inside."""
    faults = []
    for end in entry.given:
        values = getattr(entry, end)
        for value in values if isinstance(values, list) else [values]:
            if not known.low <= value <= known.high:
                faults.append(
                    f"{end} {value:g} is outside [{known.low:g}, {known.high:g}], the bounds of "
                    "the schema; override: true allows it"
                )
    named = list(entry.choices or ())
    named += [entry.prior] if entry.prior is not None and not entry.given else []
    for value in named:
        if any(schema.value_faults(known.key, value)):
            faults.append(
                f"{value!r} is not allowed by the schema: must be {known.allowed()}; "
                "override: true allows it"
            )
    return faults
