"""Checks pages with axe-core, the accessibility linter, in Chromium.

    python -m experiments.screenshots.axe demo/runs/sample/report.html [--serious]

axe-core is fetched by npm into the user's cache once; it is no part of this repository. Prints each
finding with the elements, and exits with 1 if there is a serious or critical one.
"""

import argparse
import os
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import Any

from selenium.webdriver.chrome.webdriver import WebDriver
from selenium.webdriver.support.ui import WebDriverWait

from experiments.screenshots.browser import browser

VERSION = "4.10.3"
SERIOUS = ("serious", "critical")
_RUN = """
const done = arguments[arguments.length - 1];
axe.run(document, { resultTypes: ["violations"] }).then((result) => done(result.violations));
"""


def source() -> Path:
    """Return where axe-core is or would be in the user's cache."""
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "automl" / f"axe-core-{VERSION}.js"


def fetch() -> Path:
    """Fetch axe-core with npm unless it is in the cache; return its place."""
    place = source()
    if not place.exists():
        with tempfile.TemporaryDirectory() as folder:
            command = ["npm", "pack", "--silent", f"axe-core@{VERSION}"]
            subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)
            with tarfile.open(next(Path(folder).glob("*.tgz"))) as package:
                file = package.extractfile("package/axe.min.js")
                assert file is not None
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_bytes(file.read())
    return place


def findings(driver: WebDriver) -> list[dict[str, Any]]:
    """Return what axe finds on the page that is open, the worst first."""
    driver.set_script_timeout(120)
    driver.execute_script(source().read_text())
    found: list[dict[str, Any]] = driver.execute_async_script(_RUN)
    return sorted(found, key=lambda one: one["impact"] not in SERIOUS)


def serious(driver: WebDriver) -> list[str]:
    """Return the serious and critical findings as lines, with the elements."""
    return [_line(one) for one in findings(driver) if one["impact"] in SERIOUS]


def _line(one: dict[str, Any]) -> str:
    places = "; ".join(" ".join(map(str, node["target"])) for node in one["nodes"][:5])
    return f"{one['impact']}: {one['id']}: {one['help']} ({len(one['nodes'])}: {places})"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("page", help="a file or an address")
    parser.add_argument("--dark", action="store_true", help="as on a dark screen")
    arguments = parser.parse_args()
    fetch()
    file = Path(arguments.page)
    address = file.resolve().as_uri() if file.exists() else arguments.page
    with browser(1280, 1000) as driver:
        if arguments.dark:
            dark = {"name": "prefers-color-scheme", "value": "dark"}
            driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [dark]})
        driver.get(address)
        if driver.execute_script("return !!document.getElementById('plotly')"):
            WebDriverWait(driver, 60).until(
                lambda page: page.execute_script("return document.body.dataset.drawn")
            )
        found = findings(driver)
    for one in found:
        print(_line(one))
    return int(any(one["impact"] in SERIOUS for one in found))


if __name__ == "__main__":
    sys.exit(main())
