"""Makes docs/images/live.png: the live page of a search, at the moment when most was trained.

    python -m experiments.screenshots.live demo/runs/sample [--out docs/images]

A copy of the experiment ends at that moment and is held as a search that runs; `automl watch`
serves it.
"""

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from automl.experiment.journal import Journal
from automl.experiment.lock import ExperimentLock
from automl.experiment.paths import ExperimentPaths
from experiments.screenshots.browser import browser
from experiments.screenshots.report import wait_until_drawn, write
from experiments.screenshots.terminal import busiest

WIDTH, HEIGHT = 1280, 1000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("experiment", type=Path)
    parser.add_argument("--out", type=Path, default=Path("docs/images"))
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    print(picture(arguments.experiment, arguments.out / "live.png"))


def picture(experiment: Path, out: Path) -> Path:
    """Take the picture of the top of the live page."""
    with running(experiment) as root, served(root) as url, browser(WIDTH, HEIGHT) as driver:
        driver.get(url)
        wait_until_drawn(driver)
        return write(driver.get_screenshot_as_png(), out)


@contextmanager
def running(experiment: Path) -> Iterator[Path]:
    """Yield a copy of an experiment that ends at its busiest moment, as if it ran."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / experiment.resolve().name
        ignored = shutil.ignore_patterns("checkpoints", "promoted")
        shutil.copytree(experiment, root, ignore=ignored)
        events, _ = busiest(experiment)
        paths = ExperimentPaths(root)
        lines = paths.journal.read_bytes().splitlines(keepends=True)
        assert len(lines) == len(list(Journal(paths.journal).read()))
        paths.journal.write_bytes(b"".join(lines[:events]))
        with ExperimentLock(paths):
            yield root


@contextmanager
def served(root: Path) -> Iterator[str]:
    """Serve the live page of an experiment; yield its address."""
    command = [sys.executable, "-m", "automl", "watch", str(root), "--no-browser"]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        found = re.search(r"http://\S+", server.stdout.readline())
        assert found is not None
        yield found.group()
    finally:
        server.terminate()
        server.communicate(timeout=60)


if __name__ == "__main__":
    main()
