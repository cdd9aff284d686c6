"""Turns out of memory into an error that says what to reduce."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from segformer.errors import OutOfMemoryError

_SIGNS = ("can't allocate memory", "not enough memory", "out of memory")


@contextmanager
def out_of_memory_explained(advice: str) -> Iterator[None]:
    """Turn torch's and Python's errors for exhausted memory into `OutOfMemoryError`.

    Args:
        advice: The settings to reduce, with their present values.
    """
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        text = str(error)
        # On the CPU torch raises a plain RuntimeError, recognisable only by its text.
        is_typed = isinstance(error, MemoryError | torch.OutOfMemoryError)
        if not is_typed and not any(sign in text for sign in _SIGNS):
            raise
        detail = text.splitlines()[0] if text else type(error).__name__
        raise OutOfMemoryError(f"out of memory: {advice} ({detail})") from error
