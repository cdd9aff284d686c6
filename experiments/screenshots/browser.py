"""A headless Chromium, Debian's package, for pictures and tests of pages."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from selenium import webdriver
from selenium.webdriver.chrome.service import Service

CHROMIUM, DRIVER = "chromium", "chromedriver"
# Without these it calls home, and waits on a machine without a network.
_FLAGS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--hide-scrollbars",
)  # fmt: skip


def lacking() -> str | None:
    """Return what must be installed before a browser can start, or None."""
    absent = [name for name in (CHROMIUM, DRIVER) if shutil.which(name) is None]
    if not absent:
        return None
    return f"{' and '.join(absent)} not found; apt-get install chromium chromium-driver"


@contextmanager
def browser(width: int, height: int) -> Iterator[webdriver.Chrome]:
    """Start a browser with a window of this size in pixels and an empty profile; end it."""
    with tempfile.TemporaryDirectory(prefix="browser-", ignore_cleanup_errors=True) as profile:
        options = webdriver.ChromeOptions()
        options.binary_location = shutil.which(CHROMIUM) or CHROMIUM
        size = f"--window-size={width},{height}"
        for flag in (*_FLAGS, size, f"--user-data-dir={profile}"):
            options.add_argument(flag)
        driver = webdriver.Chrome(options=options, service=Service(shutil.which(DRIVER)))
        try:
            yield driver
        finally:
            driver.quit()
