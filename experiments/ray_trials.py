"""Measures what a search on Ray costs beside its trainings: quick trials of the toy skill.

    python -m experiments.ray_trials [--trials 100] [--starts 3]

Prints for each search when it opened, when its first trial started and reported, when its last
trial ended, when it was closed, and when the command had ended; in seconds from its start.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from automl.experiment.journal import Journal

ROOT = Path(__file__).parents[1]
PATH = os.pathsep.join([str(ROOT), str(ROOT / "tests" / "toy"), os.environ.get("PYTHONPATH", "")])


def main() -> None:
    """Search a few times."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=100)
    parser.add_argument("--starts", type=int, default=3)
    arguments = parser.parse_args()
    for _ in range(arguments.starts):
        with tempfile.TemporaryDirectory() as folder:
            moments = searched(Path(folder), arguments.trials)
        print(", ".join(f"{name} {seconds:.1f}" for name, seconds in moments.items()))


def searched(folder: Path, trials: int) -> dict[str, float]:
    """Search on a Ray of its own; return the seconds at which things happened."""
    begun = time.time()
    subprocess.run(
        [sys.executable, "-m", "automl", "run", "--skill", "toy", "--data", folder, "--out",
         folder / "exp", "--trials", str(trials), "--epochs", "1", "--algorithm", "random",
         "--stop-rule", "off", "--runner", "ray", "--tracker", "none", "--quiet"],
        env={**os.environ, "PYTHONPATH": PATH}, stdout=subprocess.DEVNULL, check=True,
    )  # fmt: skip
    ended = time.time() - begun
    events = list(Journal(folder / "exp" / "journal.jsonl").read())

    def at(kind: str, place: int) -> float:
        return float([event["time"] for event in events if event["event"] == kind][place]) - begun

    return {
        "opened": at("opened", 0),
        "first start": at("start", 0),
        "first report": at("report", 0),
        "last trial": at("finish", -1),
        "closed": at("closed", -1),
        "ended": ended,
    }


if __name__ == "__main__":
    main()
