"""Imports of transformers without the notes of other libraries on stderr."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def quiet_imports() -> Iterator[None]:
    """Show only errors of torchao and of torch's own imports while the block runs.

    transformers imports torchao if it is installed, which reports kernels for GPUs that this
    machine lacks, and names that torch is going to change.
    """
    loggers = [logging.getLogger(name) for name in ("torchao", "torch.utils._pytree")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
