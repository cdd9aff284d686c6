"""Seeds, and leaving the process as a training found it."""

import os
import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch

_CUBLAS = "CUBLAS_WORKSPACE_CONFIG"
_THREADS = "OMP_NUM_THREADS"


def seed_everything(*parts: int) -> None:
    """Seed the generators of Python, numpy and torch from one or more numbers."""
    seed = int(np.random.SeedSequence(parts).generate_state(1)[0])
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)


@contextmanager
def isolated() -> Iterator[None]:
    """Restore, on leaving, what a training sets for the whole process.

    These are the random generators, torch's settings for determinism, and its threads: as many as
    OMP_NUM_THREADS says, which torch itself heeds only if it is loaded after that was set. They
    are global, so only one training at a time can run in a process.
    """
    python_state, numpy_state = random.getstate(), np.random.get_state()
    deterministic = torch.are_deterministic_algorithms_enabled()
    warn_only = torch.is_deterministic_algorithms_warn_only_enabled()
    benchmark = torch.backends.cudnn.benchmark
    workspace = os.environ.get(_CUBLAS)
    threads, asked = torch.get_num_threads(), os.environ.get(_THREADS, "")
    if asked.isdecimal() and int(asked):
        torch.set_num_threads(int(asked))
    with torch.random.fork_rng():
        try:
            yield
        finally:
            random.setstate(python_state)
            np.random.set_state(numpy_state)
            torch.use_deterministic_algorithms(deterministic, warn_only=warn_only)
            torch.backends.cudnn.benchmark = benchmark
            torch.set_num_threads(threads)
            if workspace is None:
                os.environ.pop(_CUBLAS, None)
            else:
                os.environ[_CUBLAS] = workspace
