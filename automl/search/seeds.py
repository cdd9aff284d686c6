"""Seeds and random generators derived from the seed of a search."""

import hashlib

import numpy as np


def seed_of(*parts: int) -> int:
    """Return a seed of 32 bits for a search's seed and the numbers of trial and attempt."""
    digest = hashlib.sha256("/".join(map(str, parts)).encode()).digest()
    return int.from_bytes(digest[:4], "big")


def rng_of(*parts: int) -> np.random.Generator:
    """Return the generator of a search's seed and the numbers of trial and attempt."""
    return np.random.default_rng(seed_of(*parts))
