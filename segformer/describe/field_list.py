"""The list of all fields, generated: type, default, bounds, effect, difference from TAO."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from segformer.describe.differences import DIFFERENCES
from segformer.describe.schema import schema
from segformer.spec import ACTIONS, Spec
from segformer.spec.faults import leaf_keys, unknown_key
from segformer.spec.tao import FIELDS


@dataclass(frozen=True)
class FieldRow:
    """One field, of ours or of TAO's."""

    key: str
    type: str
    default: Any
    bounds: str
    """As in mathematics: `[` with the bound, `(` without."""
    choices: tuple[Any, ...]
    text: str
    """Its effect, or the message with which it is refused."""
    status: str
    """effective or refused."""
    difference: str = ""
    """Why the default is not TAO's; empty if it is."""

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self) | {"choices": list(self.choices)}


def field_rows() -> list[FieldRow]:
    """Return a row for every field of the spec and for every field of TAO's that is refused."""
    keys = list(leaf_keys(Spec))
    nodes = dict(node for action in ACTIONS for node in _leaves(schema(action)["properties"]))
    rows = [_effective(key, nodes[key]) for key in keys]
    return rows + [
        FieldRow(key, "", None, "", (), unknown_key(key, keys), "refused") for key in sorted(FIELDS)
    ]


def table(rows: list[FieldRow]) -> str:
    """Return the rows as text, one block of lines for each."""
    return "\n\n".join("\n".join(_lines(row)) for row in rows)


def _lines(row: FieldRow) -> Iterator[str]:
    if row.status == "refused":
        yield f"{row.key}  (refused)"
        yield f"    {row.text}"
    else:
        yield f"{row.key}  ({row.type}, default {row.default!r})"
        limits = [row.bounds, ", ".join(map(str, row.choices))]
        yield f"    {row.text}{''.join(f'; {limit}' for limit in limits if limit)}"
    if row.difference:
        yield f"    default: {row.difference}"


def _effective(key: str, node: dict[str, Any]) -> FieldRow:
    return FieldRow(
        key,
        _type(node),
        node["default"],
        _bounds(node),
        tuple(node.get("enum", ())),
        node["description"],
        "effective",
        DIFFERENCES.get(key, ""),
    )


def _type(node: dict[str, Any]) -> str:
    kind = node["type"]
    return " or ".join(kind) if isinstance(kind, list) else str(kind)


def _bounds(node: dict[str, Any]) -> str:
    low = f"[{node['minimum']}" if "minimum" in node else "(-inf"
    low = f"({node['exclusiveMinimum']}" if "exclusiveMinimum" in node else low
    high = f"{node['maximum']}]" if "maximum" in node else "inf)"
    high = f"{node['exclusiveMaximum']})" if "exclusiveMaximum" in node else high
    return "" if (low, high) == ("(-inf", "inf)") else f"{low}, {high}"


def _leaves(properties: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    for name, node in properties.items():
        if "properties" in node:
            yield from _leaves(node["properties"], f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", node
