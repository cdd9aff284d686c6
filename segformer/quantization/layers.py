"""The choice of quantized layers by patterns of their names, the same for every backend."""

import fnmatch
from collections.abc import Sequence

from segformer.errors import SpecError


def quantized_layers(
    names: Sequence[str],
    layers: Sequence[tuple[str, bool]],
    *,
    of: str = "the model; its layers are",
) -> list[str]:
    """Return the names to quantize: all, or only those that a pattern asks for.

    Args:
        names: All layers that can be quantized.
        layers: Patterns, and whether the layers that match are quantized; the last match wins.
        of: The owner of the layers, for the message.

    Raises `SpecError` for a pattern that matches none.
    """
    is_default = not any(is_quantized for _, is_quantized in layers)
    kept = dict.fromkeys(names, is_default)
    for pattern, is_quantized in layers:
        matched = fnmatch.filter(names, pattern)
        if not matched:
            raise SpecError(
                f"quantize: {pattern!r} matches no layer of {of} named like {', '.join(names[:3])}"
            )
        kept |= dict.fromkeys(matched, is_quantized)
    return [name for name, is_quantized in kept.items() if is_quantized]
