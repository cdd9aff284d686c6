"""Pictures of a report.html for the documentation, taken in Chromium.

    python -m experiments.screenshots.report demo/runs/sample [--out docs/images]
        [--curves EXPERIMENT]

The experiment must be finished and have a report.html; `make demo` makes one. Curves and parallel
coordinates may come from another, larger experiment.
"""

import argparse
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from PIL import Image, ImageOps
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from experiments.screenshots.browser import browser

WIDTH, TOP_HEIGHT = 1280, 900
PHONE = 390, 844
PARTS = {"curves": "curves", "parallel": "parallel", "importance": "importance",
         "predictions": "predictions"}  # fmt: skip
"""The section of the page by the name of the picture."""
_COLOURS, _BORDER = 256, 16


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("experiment", type=Path)
    parser.add_argument("--curves", type=Path, help="default: the experiment")
    parser.add_argument("--out", type=Path, default=Path("docs/images"))
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    first, second = arguments.experiment, arguments.curves or arguments.experiment
    sources = {**dict.fromkeys(PARTS, second), "predictions": first}
    for path in pictures(first, sources, arguments.out):
        print(f"{path}: {path.stat().st_size / 1000:.0f} kB")


def pictures(top: Path, sources: Mapping[str, Path], out: Path) -> list[Path]:
    """Write report_top.png, report_phone.png and one for each of `PARTS`; return their paths."""
    written = []
    with browser(WIDTH, TOP_HEIGHT) as driver:
        _open(driver, top)
        written.append(write(driver.get_screenshot_as_png(), out / "report_top.png"))
        for name, section in PARTS.items():
            _open(driver, sources[name])
            part = driver.find_element(By.ID, section)
            driver.set_window_size(WIDTH, int(part.size["height"]) + TOP_HEIGHT)
            written.append(write(of(driver, part), out / f"report_{name}.png"))
    with browser(*PHONE) as driver:
        dark = {"name": "prefers-color-scheme", "value": "dark"}
        driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [dark]})
        screen = dict(zip(("width", "height"), PHONE, strict=True))
        screen |= {"deviceScaleFactor": 2, "mobile": True}
        driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)
        _open(driver, top)
        written.append(write(driver.get_screenshot_as_png(), out / "report_phone.png"))
    return written


def _open(driver: Any, experiment: Path) -> None:
    if driver.current_url != address(experiment):  # To draw all figures again takes seconds.
        driver.get(address(experiment))
        wait_until_drawn(driver)


def wait_until_drawn(driver: Any) -> None:
    """Wait until all figures of the open page are drawn."""
    WebDriverWait(driver, 60).until(
        lambda page: page.execute_script("return document.body.dataset.drawn")
    )


def address(experiment: Path) -> str:
    """Return the address of an experiment's page."""
    return (experiment / "report.html").resolve().as_uri()


def of(driver: Any, part: Any) -> bytes:
    """Return the picture of a part of the open page."""
    driver.execute_script("arguments[0].scrollIntoView()", part)
    picture: bytes = part.screenshot_as_png
    return picture


def write(picture: bytes, path: Path) -> Path:
    """Write a small PNG, of few colours: the rare ones too, such as those of a photo's objects."""
    image = ImageOps.expand(Image.open(io.BytesIO(picture)).convert("RGB"), _BORDER, "white")
    image.quantize(_COLOURS, Image.Quantize.MAXCOVERAGE, kmeans=1).save(path, optimize=True)
    return path


if __name__ == "__main__":
    main()
