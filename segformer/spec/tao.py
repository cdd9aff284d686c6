"""TAO's fields that the spec classes do not have, for a clear answer to a spec of TAO's."""

FIELDS = frozenset({"quantize.backend_kwargs"})


def is_tao_field(key: str) -> bool:
    """Whether a dotted key is one of `FIELDS`, is below one, or is a section that holds one."""
    return any(
        key == name or name.startswith(f"{key}.") or key.startswith(f"{name}.") for name in FIELDS
    )
