"""Seeds, and what a training changes in its process and restores."""

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
    """Restore on leaving what a training sets for the whole process.

    That is the random generators, torch's settings for determinism, and its number of threads:
    OMP_NUM_THREADS, which torch itself reads only when it is imported. All of it is global, so one
    training at a time can run in a process.
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
