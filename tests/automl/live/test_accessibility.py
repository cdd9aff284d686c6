"""axe-core finds nothing serious on any page, light or dark."""

from pathlib import Path

import pytest
from live import served
from made import report, start
from selenium.webdriver.support.ui import WebDriverWait

import automl.serving
from automl.experiment.experiment import Experiment, space_of
from automl.files import write_json
from automl.report.page.page import write_report
from experiments.screenshots import axe
from experiments.screenshots.browser import browser, lacking

_FETCH = "python -m experiments.screenshots.axe PAGE fetches it"
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(lacking() is not None, reason=str(lacking())),
    pytest.mark.skipif(not axe.source().exists(), reason=f"axe-core is not at hand; {_FETCH}"),
]


@pytest.fixture(scope="module", params=["light", "dark"])
def chromium(request):
    with browser(1280, 1000) as driver:
        shade = {"name": "prefers-color-scheme", "value": request.param}
        driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [shade]})
        yield driver


@pytest.fixture
def large(search):
    """A search with enough trials for all of its sections."""
    for number in range(2, 8):
        values = search.values(**{"train.lr": 0.001 * number, "train.width": number})
        search.append(start(number, values), report(number, 1, number / 20, loss=1.0))
    paths = Experiment.load(search.root).paths
    write_json(paths.importance, {"train.lr": 0.8, "train.width": 0.2})
    write_json(paths.importance_intervals, {"train.lr": [0.5, 0.9], "train.width": [0.1, 0.4]})
    return search.root


def drawn(driver, address):
    driver.get(address)
    WebDriverWait(driver, 60).until(
        lambda page: page.execute_script("return document.body.dataset.drawn")
    )


def test_the_report(chromium, large):
    experiment = Experiment.load(large)
    path = write_report(experiment, space_of(experiment.paths, experiment.settings))
    drawn(chromium, path.as_uri())
    assert axe.serious(chromium) == []


def test_the_live_page_and_its_form(chromium, large):
    with served(large) as server:
        drawn(chromium, server.url)
        assert axe.serious(chromium) == []
        chromium.execute_script("openForm(1)")
        WebDriverWait(chromium, 60).until(
            lambda page: page.execute_script("return document.querySelector('dialog')")
        )
        assert axe.serious(chromium) == []
        chromium.get("about:blank")


def test_the_page_of_a_served_model(chromium):
    chromium.get((Path(automl.serving.__file__).parent / "page.html").as_uri())
    assert axe.serious(chromium) == []
