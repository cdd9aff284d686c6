"""Formats a search space as rows or as text."""

from collections.abc import Iterator, Mapping
from typing import Any

from automl.schema.conditions import DIVIDED
from automl.schema.schema import Schema
from automl.space.domain import Range
from automl.space.parameter import Parameter
from automl.space.space import SearchSpace

NamedSettings = Mapping[str, Mapping[str, Any]]
_NO_NAMES: Mapping[str, NamedSettings] = {}


def rows(space: SearchSpace, schema: Schema) -> list[dict[str, Any]]:
    """Return one row per key of the schema; the places of a list of numbers share one."""
    groups: dict[str, list[Parameter]] = {}
    for parameter in space.parameters.values():
        above, _, place = parameter.key.rpartition(".")
        is_place = place.isdecimal() and above in schema.fields
        groups.setdefault(above if is_place else parameter.key, []).append(parameter)
    return [_row(key, parts) for key, parts in sorted(groups.items())]


def lines(
    space: SearchSpace, schema: Schema, settings_of: Mapping[str, NamedSettings] = _NO_NAMES
) -> Iterator[str]:
    """Yield lines for people, three or more per parameter, then the keys that were left out.

    `settings_of` has what each name of a named choice sets.
    """
    for row in rows(space, schema):
        yield row["key"]
        what = f"  {row['type']}, {values_text(row)}, default {row['default']!r}"
        yield what + (f", near {_prior(space, row['key'])}" if _prior(space, row["key"]) else "")
        yield from (f"  {text}" for text in case_texts(row))
        yield from (f"  {text}" for text in name_texts(row, settings_of))
        if row["key"] in schema.fields:
            yield f"  the schema allows {schema.fields[row['key']].allowed()}"
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
        **({"cases": _cases(first)} if first.cases else {}),
    }


def _cases(parameter: Parameter) -> dict[str, dict[str, Any]]:
    """Return by name of a named choice the range beside it."""
    variants = {n: parameter.given({parameter.case_key: n}) for n in parameter.cases}
    return {
        f"{parameter.case_key}={name}": {
            "low": _numbers(one)[0], "high": _numbers(one)[1], "scale": _numbers(one)[2],
            "choices": list(one.choices) or None, "weights": list(one.weights) or None,
            "default": one.default, "prior": one.prior,
        }
        for name, one in variants.items()
    }  # fmt: skip


def case_texts(row: Mapping[str, Any]) -> list[str]:
    """Return a line for each range that a row of `rows` has beside a named choice."""
    return [
        f"with {name}: {values_text(case)}, default {case['default']!r}"
        + ("" if case["prior"] is None else f", near {case['prior']!r}")
        for name, case in row.get("cases", {}).items()
    ]


def name_texts(row: Mapping[str, Any], settings_of: Mapping[str, NamedSettings]) -> list[str]:
    """Return a line for each name of a row's named choice: what it sets."""
    return [
        f"{name} sets {', '.join(f'{k}={v}' for k, v in settings.items()) or 'nothing'}"
        for name, settings in settings_of.get(row["key"], {}).items()
    ]


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
