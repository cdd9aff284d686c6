"""Makes docs/images/mlflow-compare.png: the comparison of an experiment's trials in MLflow.

    python -m experiments.screenshots.mlflow demo/runs/sample

starts `automl ui` on the experiment, opens the page that it prints, and takes the picture of what
MLflow shows first.
"""

import argparse
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image
from selenium.webdriver.chrome.webdriver import WebDriver
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from experiments.screenshots.browser import browser

OUT = Path(__file__).parent.parent.parent / "docs" / "images" / "mlflow-compare.png"
PATIENCE_S = 120
AXES = ".parcoords .axis-title"


@contextmanager
def served(experiment: Path) -> Iterator[tuple[str, str]]:
    """Serve the MLflow UI of an experiment; yield its address and the address of the comparison."""
    command = [sys.executable, "-m", "automl", "ui", str(experiment.resolve()), "--no-browser"]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        assert server.stdout is not None
        url = server.stdout.readline().split()[2]
        page = server.stdout.readline().split()[-1]
        yield url, page
    finally:
        server.terminate()
        server.communicate(timeout=60)


def open_page(driver: WebDriver, url: str) -> None:
    """Open a page of the UI and close the panel that a first visit shows."""
    driver.get(url)
    waiting = WebDriverWait(driver, PATIENCE_S)
    close = "//button[@aria-label='Close' or .//*[@aria-label='Close']]"
    for button in waiting.until(lambda d: d.find_elements(By.XPATH, close)):
        button.click()


def picture(experiment: Path, out: Path) -> None:
    """Take the picture, in few colours, which keeps it small."""
    with served(experiment) as (_, page), browser(1280, 1080) as driver:
        open_page(driver, page)
        waiting = WebDriverWait(driver, PATIENCE_S)
        waiting.until(lambda d: d.find_elements(By.CSS_SELECTOR, AXES))
        out.parent.mkdir(parents=True, exist_ok=True)
        driver.save_screenshot(str(out))
    Image.open(out).convert("RGB").quantize(256).save(out, optimize=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("experiment", type=Path, help="folder of an experiment with its MLflow")
    parser.add_argument("--out", type=Path, default=OUT)
    arguments = parser.parse_args()
    picture(arguments.experiment, arguments.out)
