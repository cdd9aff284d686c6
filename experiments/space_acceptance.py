"""Draws suggestions by the sampling path of every searcher and counts those that break a rule.

    python experiments/space_acceptance.py SCHEMA.json ... [--count 10000] [--seconds 60]

A searcher ends early after --seconds a schema; the line says how many it drew. Also measured:
the time to read a schema and build its space, and to draw a thousand suggestions.
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np

from automl.schema.schema import Schema
from automl.schema.spec import unflatten
from automl.search.algorithms import ALGORITHMS
from automl.search.preview import drawn_by_searcher, drawn_by_space
from automl.space.build import space_from_schema
from automl.space.space import SearchSpace


def main() -> None:
    """Print a line for each schema and searcher."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("schemas", nargs="+", type=Path)
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--searchers", nargs="*", default=["the space", *ALGORITHMS])
    arguments = parser.parse_args()
    for path in arguments.schemas:
        space = timed(path)
        for name in arguments.searchers:
            drawn, faulty, seconds = count(space, name, arguments.count, arguments.seconds)
            print(
                f"{path} | {name} | drawn {drawn} | faulty {faulty} | {seconds:.0f} s", flush=True
            )


def timed(path: Path) -> SearchSpace:
    """Return the space of a schema; prints how long it took to build and to sample."""
    text = path.read_text()
    seconds = []
    for _ in range(5):
        start = time.perf_counter()
        schema = Schema(json.loads(text))
        space = space_from_schema(schema, unflatten(schema.defaults()))
        seconds.append(time.perf_counter() - start)
    rng = np.random.default_rng(0)
    start = time.perf_counter()
    for _ in range(1000):
        space.sample(rng)
    drawing = time.perf_counter() - start
    print(
        f"{path} | {len(text) / 1000:.0f} kB read and built in {min(seconds) * 1000:.1f} ms | "
        f"1000 suggestions in {drawing * 1000:.0f} ms"
    )
    return space


def count(space: SearchSpace, name: str, most: int, seconds: float) -> tuple[int, int, float]:
    """Return how many suggestions were drawn, how many break a rule, and the time it took."""
    start, drawn, faulty = time.perf_counter(), 0, 0
    if name == "the space":
        suggestions = drawn_by_space(space, most, seed=0)
    else:
        suggestions = drawn_by_searcher(space, name, most, seed=0)
    for values in suggestions:
        drawn += 1
        faulty += any(True for _ in space.faults(values))
        if time.perf_counter() - start > seconds:
            break
    return drawn, faulty, time.perf_counter() - start


if __name__ == "__main__":
    main()
