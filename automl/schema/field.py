"""Reads one leaf of a schema from its JSON node.

Takes JSON Schema 2020-12 and TAO's dialect. A broken word of a node is reported as a fault with the
key's name, never as an exception of another kind.
"""

import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from automl.errors import UsageError
from automl.schema.conditions import Condition, parse_condition
from automl.schema.values import number_of

STANDARD = {
    "number": "float",
    "integer": "int",
    "boolean": "bool",
    "string": "string",
    "array": "list",
    "object": "collection",
}
"""TAO's names of JSON Schema's types."""
LISTS = re.compile(r"list|list_\d+(_\w+)?")
"""Types whose values are lists."""
OPEN_LISTS = ("subset_list", "optional_list")
SCALES = ("linear", "log")

Fault = Callable[[str], None]


@dataclass(frozen=True)
class Field:
    """One leaf of a schema under its dotted key; missing bounds are infinite."""

    key: str
    type: str
    default: Any
    low: float = -math.inf
    high: float = math.inf
    low_is_open: bool = False
    high_is_open: bool = False
    lows: tuple[float, ...] = ()
    """The lower bounds of a list's places, if they are given one by one."""
    highs: tuple[float, ...] = ()
    choices: tuple[Any, ...] = ()
    weights: tuple[Any, ...] = ()
    scale: str = ""
    """linear, log, or empty if the schema does not say."""
    step: float | None = None
    condition: Condition = Condition()
    active_when: tuple[Mapping[str, Any], ...] = ()
    """Alternatives; in each, keys and the values that they must have, or ``{"not": value}``."""
    is_searchable: bool | None = None
    """Value of automl_enabled; None if absent."""
    description: str = ""

    @property
    def is_list(self) -> bool:
        """Whether the values are lists."""
        return self.type in OPEN_LISTS or LISTS.fullmatch(self.type) is not None

    def allowed(self) -> str:
        """Return the allowed values in words."""
        if self.choices:
            kind = "a list of some of " if self.is_list else "one of "
            return kind + ", ".join(map(str, self.choices))
        article = "an" if self.type[:1] in "aeiou" else "a"
        left, right = "(" if self.low_is_open else "[", ")" if self.high_is_open else "]"
        has_bounds = math.isfinite(self.low) or math.isfinite(self.high)
        bounds = f" in {left}{self.low:g}, {self.high:g}{right}" if has_bounds else ""
        conditions = "".join(f" {sign} {x:g}" for sign, x in self.condition.comparisons)
        return f"{article} {self.type}{bounds}{conditions}"


def field_from_node(key: str, node: Mapping[str, Any], default: Any, fault: Fault) -> Field:
    """Read a leaf; calls `fault` for each word that is not understood."""
    kind = _type(node, default, fault)
    low, low_is_open = _bound(node, "minimum", "exclusiveMinimum", -math.inf, fault)
    high, high_is_open = _bound(node, "maximum", "exclusiveMaximum", math.inf, fault)
    lows, highs = _bounds(node.get("minimum"), fault), _bounds(node.get("maximum"), fault)
    return Field(
        key=key,
        type=kind,
        default=default,
        low=low,
        high=high,
        low_is_open=low_is_open,
        high_is_open=high_is_open,
        lows=lows,
        highs=highs,
        choices=_list(node, "enum", fault),
        weights=_list(node, "option_weights", fault),
        scale=_scale(node, fault),
        condition=_condition(key, node, fault),
        active_when=_alternatives(node, fault),
        is_searchable=_enabled(node, fault),
        description=str(node.get("description", "")),
    )


def types_of(node: Mapping[str, Any]) -> list[str]:
    """Return the types of a node, by TAO's names and without null."""
    declared = node.get("type")
    names = declared if isinstance(declared, list) else [declared]
    return [STANDARD.get(n, n) for n in names if isinstance(n, str) and n and n != "null"]


def _type(node: Mapping[str, Any], default: Any, fault: Fault) -> str:
    declared = node.get("type")
    names = types_of(node)
    if declared is not None and not names and declared != "null":
        fault(f"type {declared!r} is not the name of a type")
    name = names[0] if names else _type_of_value(node, default)
    if not node.get("enum") or name in ("bool", *OPEN_LISTS) or LISTS.fullmatch(name):
        return name
    if name in ("int", "ordered_int"):
        return "ordered_int"
    return "ordered" if name in ("float", "ordered") else "categorical"


def _type_of_value(node: Mapping[str, Any], default: Any) -> str:
    """Return the type of a node that states none, by its default and its bounds."""
    if isinstance(default, bool):
        return "bool"
    for kind, name in ((str, "string"), (list, "list"), (dict, "collection"), (float, "float")):
        if isinstance(default, kind):
            return name
    bounds = [node[w] for w in ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")
              if number_of(node.get(w)) is not None]  # fmt: skip
    if isinstance(default, int) or bounds:
        is_whole = all(isinstance(b, int) or math.isinf(b) or b.is_integer() for b in bounds)
        return "int" if isinstance(default, int) and is_whole else "float"
    return "any"


def _bound(
    node: Mapping[str, Any], closed: str, opened: str, missing: float, fault: Fault
) -> tuple[float, bool]:
    inner = max if missing < 0 else min
    bound = (missing, False)
    for word in (closed, opened):
        value = node.get(word)
        if value is None or (word == closed and isinstance(value, list)):
            continue
        number = number_of(value)
        if number is None:
            fault(f"{word} {value!r} is not a number")
        elif number == -missing:
            fault(f"{word} {value!r} leaves no value")
        elif inner(number, bound[0]) != bound[0] or number == bound[0]:
            bound = (number, word == opened and math.isfinite(number))
    return bound


def _bounds(value: Any, fault: Fault) -> tuple[float, ...]:
    if not isinstance(value, list):
        return ()
    numbers = [number_of(v) for v in value]
    if None in numbers:
        fault(f"bounds {value!r} are not all numbers")
    return tuple(number for number in numbers if number is not None)


def _list(node: Mapping[str, Any], word: str, fault: Fault) -> tuple[Any, ...]:
    value = node.get(word)
    if value is None:
        return ()
    if not isinstance(value, list) or (word == "enum" and not value):
        fault(f"{word} {value!r} is not a list of {'values' if word == 'enum' else 'numbers'}")
        return ()
    return tuple(value)


def _scale(node: Mapping[str, Any], fault: Fault) -> str:
    scale = node.get("scale")
    if scale is None:
        return ""
    if scale not in SCALES:
        fault(f"scale {scale!r} is not one of {', '.join(SCALES)}")
        return ""
    return str(scale)


def _condition(key: str, node: Mapping[str, Any], fault: Fault) -> Condition:
    math_cond = node.get("math_cond")
    multiple = node.get("multipleOf")
    if multiple is not None and math_cond in (None, ""):
        if not 0 < (number_of(multiple) or 0) < math.inf:
            fault(f"multipleOf {multiple!r} is not a number above 0")
            return Condition()
        math_cond = f"/ {multiple!r}"
    try:
        return parse_condition(key, math_cond, node.get("depends_on"))
    except UsageError as error:
        for text in error.faults:
            fault(text.removeprefix(f"{key}: "))
        return Condition()


def _enabled(node: Mapping[str, Any], fault: Fault) -> bool | None:
    value = node.get("automl_enabled")
    texts = {"TRUE": True, "FALSE": False, "": None}
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str) and value.upper() in texts:
        return texts[value.upper()]
    fault(f"automl_enabled {value!r} is not true or false")
    return None


def _alternatives(node: Mapping[str, Any], fault: Fault) -> tuple[Mapping[str, Any], ...]:
    value = node.get("active_when")
    if value is None:
        return ()
    alternatives = [value] if isinstance(value, Mapping) else value
    if not isinstance(alternatives, list) or not all(map(_is_alternative, alternatives)):
        fault(f"active_when {value!r} must map keys to values, or be a list of such mappings")
        return ()
    return tuple(alternatives)


def _is_alternative(value: Any) -> bool:
    return (
        isinstance(value, Mapping)
        and len(value) > 0
        and all(
            isinstance(key, str) and (not isinstance(wanted, Mapping) or set(wanted) == {"not"})
            for key, wanted in value.items()
        )
    )


def leaves_of(
    node: Mapping[str, Any], defaults: Any, prefix: str = ""
) -> Iterator[tuple[str, Mapping[str, Any], Any]]:
    """Yield key, node and default of each leaf; a default may be in the node or above it."""
    for name, child in node["properties"].items():
        key = f"{prefix}{name}"
        above = defaults.get(name) if isinstance(defaults, Mapping) else None
        default = child.get("default", above)
        if child.get("properties"):
            yield from leaves_of(child, default, f"{key}.")
        else:
            yield key, child, default
