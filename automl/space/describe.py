"""Formats a search space as rows or as text."""

from collections.abc import Iterator, Mapping
from typing import Any

from automl.schema.conditions import DIVIDED
from automl.schema.schema import Schema
from automl.space.domain import Range
from automl.space.parameter import Parameter
from automl.space.space import SearchSpace


def rows(space: SearchSpace, schema: Schema) -> list[dict[str, Any]]:
    """Return one row per key of the schema; the places of a list of numbers share one."""
    groups: dict[str, list[Parameter]] = {}
    for parameter in space.parameters.values():
        key = parameter.key
        groups.setdefault(key if key in schema.fields else key.rpartition(".")[0], []).append(
            parameter
        )
    return [_row(key, parts) for key, parts in sorted(groups.items())]


def lines(space: SearchSpace, schema: Schema) -> Iterator[str]:
    """Yield lines for people, three or more per parameter, then the keys that were left out."""
    for row in rows(space, schema):
        known = schema.fields[row["key"]]
        yield row["key"]
        what = f"  {row['type']}, {values_text(row)}, default {row['default']!r}"
        yield what + (f", near {_prior(space, row['key'])}" if _prior(space, row["key"]) else "")
        yield f"  the schema allows {known.allowed()}"
        if row["conditions"]:
            yield f"  conditions: {', '.join(row['conditions'])}"
        if row["active_when"]:
            yield f"  active when {' or '.join(map(_switches, row['active_when']))}"
        yield f"  searched because: {why(space, row['key'])}"
    for key, reason in space.left_out.items():
        yield key
        yield f"  not searched: {reason}"


def why(space: SearchSpace, key: str) -> str:
    """Return the reason why a key of the schema is searched."""
    parameter = space.parameters.get(key) or space.parameters[f"{key}.0"]
    return parameter.why


def _prior(space: SearchSpace, key: str) -> str:
    parameter = space.parameters.get(key)
    return "" if parameter is None or parameter.prior is None else f"{parameter.prior!r}"


def _row(key: str, parts: list[Parameter]) -> dict[str, Any]:
    first = parts[0]
    one = [_numbers(part) for part in parts]
    is_list = first.key != key
    parts_default = [part.default for part in parts]
    return {
        "key": key,
        "type": first.type,
        "low": [low for low, _, _ in one] if is_list else one[0][0],
        "high": [high for _, high, _ in one] if is_list else one[0][1],
        "scale": one[0][2],
        "choices": list(first.choices) or None,
        "weights": list(first.weights) or None,
        "default": parts_default if is_list else first.default,
        "active_when": [dict(one) for one in first.active_when] or None,
        "conditions": [*first.conditions, *_step(first), *_order(parts)] or None,
    }


def _numbers(parameter: Parameter) -> tuple[float | None, float | None, str | None]:
    is_derived = parameter.relation is not None and parameter.relation.operator == DIVIDED
    if is_derived or not isinstance(parameter.domain, Range):
        return None, None, None
    return parameter.low, parameter.high, "log" if parameter.is_log else "linear"


def _order(parts: list[Parameter]) -> list[str]:
    """Return the condition of a list whose places must ascend."""
    is_ascending = len(parts) > 1 and parts[-1].relation is not None
    return ["ascending"] if is_ascending else []


def _step(parameter: Parameter) -> list[str]:
    """Return the step, unless a condition of the schema states it already."""
    multiple = f"/ {parameter.step:g}" if parameter.step else ""
    is_new = multiple and multiple not in parameter.conditions
    return [f"step {parameter.step:g}"] if is_new else []


def values_text(row: Mapping[str, Any]) -> str:
    """Return the values that a row of `rows` allows, in words."""
    if row["choices"] is not None:
        weights = row["weights"] or [None] * len(row["choices"])
        shown = [f"{choice!r}" + (f" (weight {weight:g})" if weight is not None else "")
                 for choice, weight in zip(row["choices"], weights, strict=True)]  # fmt: skip
        return "one of " + ", ".join(shown)
    if row["low"] is None:
        return "its parent divided"
    return f"{row['scale']} scale from {_text(row['low'])} to {_text(row['high'])}"


def _text(value: Any) -> str:
    return "[" + ", ".join(map(_text, value)) + "]" if isinstance(value, list) else f"{value:.6g}"


def _switches(alternative: Mapping[str, Any]) -> str:
    return " and ".join(
        f"{key} is not {wanted['not']!r}" if isinstance(wanted, Mapping) else f"{key} = {wanted!r}"
        for key, wanted in alternative.items()
    )
