"""Names of TAO's fields that the spec classes do not have, to answer a spec of TAO's well.

A test proves that none of them is in the classes by now.
"""

FIELDS = frozenset(
    f"{section}.{name}" if section else name
    for section, names in {
        "quantize": "backend_kwargs",
    }.items()
    for name in names.split()
)


def is_tao_field(key: str) -> bool:
    """Whether a dotted key is a field or a section of TAO's that is not in the classes."""
    return any(
        key == name or f"{name}.".startswith(f"{key}.") or key.startswith(f"{name}.")
        for name in FIELDS
    )
