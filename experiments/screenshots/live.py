"""Makes live.png and live_trials.png: the live page of a search, when most was trained.

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
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from selenium.webdriver.common.by import By

from automl.experiment.journal import Journal
from automl.experiment.lock import ExperimentLock
from automl.experiment.paths import ExperimentPaths
from experiments.screenshots.browser import browser
from experiments.screenshots.report import of, wait_until_drawn, write
from experiments.screenshots.terminal import busiest

WIDTH, HEIGHT = 1280, 1000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("experiment", type=Path)
    parser.add_argument("--out", type=Path, default=Path("docs/images"))
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    for path in pictures(arguments.experiment, arguments.out):
        print(path)


def pictures(experiment: Path, out: Path) -> list[Path]:
    """Take the pictures of the top of the live page and of its trials; return their paths."""
    with running(experiment) as root, served(root) as url, browser(WIDTH, HEIGHT) as driver:
        driver.get(url)
        wait_until_drawn(driver)
        top = write(driver.get_screenshot_as_png(), out / "live.png")
        trials = driver.find_element(By.ID, "trials")
        driver.set_window_size(WIDTH, int(trials.size["height"]) + HEIGHT)
        # The page with buttons is the live one; what follows the table is in every report.
        driver.execute_script(
            "while (trials.lastElementChild.tagName != 'H3') "
            "trials.lastElementChild.remove(); trials.lastElementChild.remove()"
        )
        return [top, write(of(driver, trials), out / "live_trials.png")]


@contextmanager
def running(experiment: Path) -> Iterator[Path]:
    """Yield a copy of an experiment that ends at its busiest moment, as if it ran."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / experiment.resolve().name
        ignored = shutil.ignore_patterns("checkpoints", "promoted")
        shutil.copytree(experiment, root, ignore=ignored)
        events, _ = busiest(experiment)
        paths = ExperimentPaths(root)
        told = list(Journal(paths.journal).read())[:events]
        since = time.time() - told[-1]["time"]
        paths.journal.unlink()
        Journal(paths.journal).append(*({**each, "time": each["time"] + since} for each in told))
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
