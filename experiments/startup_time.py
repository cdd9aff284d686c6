"""Measures how soon `automl` prints something: the median of several starts.

`python experiments/startup_time.py [--starts 15]` prints the wall time from the start of the
process to the end of `automl --help`, and to the first line of `automl run`.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path


def main() -> None:
    """Print both figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--starts", type=int, default=15)
    starts = parser.parse_args().starts
    automl = [sys.executable, "-m", "automl"]
    root = str(Path(__file__).resolve().parent.parent)
    path = os.pathsep.join([root, os.environ.get("PYTHONPATH", "")])
    with tempfile.TemporaryDirectory() as folder:
        for name, words, limit in (
            ("automl --help, to its end", ["--help"], 0.3),
            ("automl run, to its first line", ["run", "--data", "nowhere"], 0.5),
        ):
            took = [_first_line_s([*automl, *words], folder, path) for _ in range(starts)]
            print(
                f"{name}: median {statistics.median(took):.3f} s, "
                f"{min(took):.3f} to {max(took):.3f} s, {starts} starts (wanted: under {limit} s)"
            )


def _first_line_s(command: list[str], folder: str, path: str) -> float:
    """Return the time to the first line on stderr, or to the end if nothing is written there."""
    begun = time.perf_counter()
    child = subprocess.Popen(
        command, cwd=folder, env={**os.environ, "PYTHONPATH": path},
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert child.stderr is not None
    child.stderr.readline()
    took = time.perf_counter() - begun
    child.stderr.read()
    child.stderr.close()
    child.wait()
    return took


if __name__ == "__main__":
    main()
