"""Fails if the resident memory of a training grows by more than 5 %.

    python experiments/memory_check.py DATA [--epochs 3] [key=value ...]

Measured from the end of the first epoch, when the data set's cache is full, to the end of the last.
"""

import argparse
import sys
import tempfile
from pathlib import Path

from segformer.skill import skill
from segformer.spec.overrides import read_words

ALLOWED = 1.05


def resident_mb() -> float:
    """Return the resident memory of this process in MB, from /proc."""
    for line in Path("/proc/self/status").read_text(encoding="utf-8").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise OSError("/proc/self/status names no VmRSS")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data")
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("overrides", nargs="*")
    options = parser.parse_intermixed_args()
    given = {"dataset.segment.root_dir": options.data, "train.num_epochs": options.epochs}
    spec = skill.resolve("train", {**given, **read_words(options.overrides)})
    seen: list[float] = []

    def told(epoch: int, metrics: dict[str, float]) -> str:
        seen.append(resident_mb())
        print(f"epoch {epoch}: {seen[-1]:.0f} MB", flush=True)
        return "continue"

    with tempfile.TemporaryDirectory() as folder:
        skill.run("train", spec, Path(folder), told)
    growth = seen[-1] / seen[0]
    print(f"growth from the first to the last epoch: {growth:.3f} (allowed {ALLOWED})")
    return 0 if growth <= ALLOWED else 1


if __name__ == "__main__":
    sys.exit(main())
