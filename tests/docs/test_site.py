import os
import re
import subprocess
import sys

import pytest
from paths import ROOT

from experiments.screenshots.browser import browser, lacking

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """Build the site; a warning is a failure."""
    folder = tmp_path_factory.mktemp("site")
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", folder],
        cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "WARNING" not in done.stderr
    return folder


def test_the_reference_has_every_flag_and_field(site):
    page = (site / "reference" / "command-line.html").read_text()
    assert "--budget-epochs" in page and "segformer gen_trt_engine" in page
    spec = (site / "reference" / "spec.html").read_text()
    assert "num_classes" in spec and 'id="trainoptim"' in spec


def test_no_code_is_in_the_site(site):
    assert list(site.rglob("*.py*")) == []


def test_no_page_loads_anything_from_elsewhere(site):
    for page in site.rglob("*.html"):
        assert (
            re.findall(r'(?:<script|<img|<link)[^>]* (?:src|href)="https?:', page.read_text()) == []
        )


@pytest.mark.skipif(lacking() is not None, reason=str(lacking()))
def test_search_works_from_disk(site):
    from selenium.webdriver.common.by import By
    from selenium.webdriver.support.ui import WebDriverWait

    with browser(1280, 1000) as driver:
        driver.get((site / "index.html").as_uri())
        driver.execute_script("document.querySelector('#__search').click()")
        driver.find_element(By.CSS_SELECTOR, ".md-search__input").send_keys("brackets")
        found = WebDriverWait(driver, 30).until(
            lambda d: d.find_elements(By.CSS_SELECTOR, ".md-search-result__link")
        )
        assert "search.html" in found[0].get_attribute("href")
