"""report.html in Chromium: it draws, complains of nothing, asks for nothing, overlaps nothing."""

import base64
from itertools import combinations

import pytest
from searched import LOCAL, SEARCHED
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By

import automl
from automl.report.page.palette import DARK, PAGE
from automl.report.page.parallel import MOST_AXES
from experiments.screenshots import report as screenshots
from experiments.screenshots.browser import browser, lacking
from experiments.screenshots.report import address, wait_until_drawn

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(lacking() is not None, reason=str(lacking())),
]

BOXES = """
return [...document.querySelectorAll(arguments[0])].map((text) => {
  const box = text.getBoundingClientRect();
  return [text.textContent, box.left, box.top, box.right, box.bottom];
}).filter((box) => box[0]);
"""


@pytest.fixture(scope="module")
def experiment(tmp_path_factory):
    """A search of 16 parameters and 60 trials, of which some fail."""
    folder = tmp_path_factory.mktemp("browser")
    (folder / "data").mkdir()
    return automl.run(
        **LOCAL, data=folder / "data", out=folder / "exp", trials=60, epochs=4, stop_rule=False,
        algorithm="random", search=SEARCHED, spec={"train.fail": "lion"},
    )  # fmt: skip


@pytest.fixture(scope="module")
def driver(experiment):
    with browser(1280, 1000) as driver:
        driver.get(address(experiment.paths.root))
        wait_until_drawn(driver)
        yield driver


@pytest.fixture(scope="module")
def phone(experiment):
    """The page on a dark screen of 390 by 844 pixels."""
    with browser(390, 844) as driver:
        dark = {"name": "prefers-color-scheme", "value": "dark"}
        driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [dark]})
        screen = {"width": 390, "height": 844, "deviceScaleFactor": 1, "mobile": True}
        driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)
        driver.get(address(experiment.paths.root))
        wait_until_drawn(driver)
        yield driver


def overlapping(driver, selector):
    """Return pairs of texts whose boxes share more than a pixel."""
    boxes = driver.execute_script(BOXES, selector)
    assert boxes
    return [
        (a[0], b[0])
        for a, b in combinations(boxes, 2)
        if min(a[3], b[3]) - max(a[1], b[1]) > 1 and min(a[4], b[4]) - max(a[2], b[2]) > 1
    ]


def test_every_figure_is_drawn_without_complaints_and_without_a_network(driver):
    drawn = driver.execute_script(
        "return [...document.querySelectorAll('.plot')].map((p) => !!p.querySelector('.main-svg'))"
    )
    assert len(drawn) >= 6 and all(drawn)
    assert [line["message"] for line in driver.get_log("browser")] == []
    asked = driver.execute_script("return performance.getEntriesByType('resource')")
    assert [one["name"] for one in asked if not one["name"].startswith("data:")] == []


def test_no_labels_overlap_and_nothing_is_wider_than_the_window(driver):
    assert overlapping(driver, "[data-figure=figure-parallel] .annotation-text") == []
    for figure in ("progress", "curves", "importance", "slices", "resources"):
        assert overlapping(driver, f"[data-figure=figure-{figure}] .xtick text") == []
        assert overlapping(driver, f"[data-figure=figure-{figure}] .ytick text") == []
        assert overlapping(driver, f"[data-figure=figure-{figure}] .annotation-text, "
                           f"[data-figure=figure-{figure}] .xtick text") == []  # fmt: skip
    assert driver.execute_script("return document.documentElement.scrollWidth") <= 1280


def test_a_box_over_an_axis_picks_the_trials_that_pass_there(driver, experiment):
    place = driver.find_element(By.CSS_SELECTOR, "[data-figure=figure-parallel]")
    driver.execute_script("arguments[0].scrollIntoView()", place)
    x, y = driver.execute_script(
        "const [p, x, y] = arguments, l = p._fullLayout, box = p.getBoundingClientRect();"
        "return [l._size.l + l.xaxis.l2p(x) - box.width / 2,"
        "        l._size.t + l.yaxis.l2p(y) - box.height / 2];",
        place, MOST_AXES, 1,
    )  # fmt: skip
    drag = ActionChains(driver).move_to_element_with_offset(place, x - 15, y - 15)
    drag.click_and_hold().move_by_offset(30, 30).release().perform()
    opacity = driver.execute_script(
        "return arguments[0].data.map((line) => [line.meta, line.opacity])", place
    )
    picked = {number for number, shown in opacity if shown == 1}
    assert experiment.best.number in picked and 0 < len(picked) < 20
    assert all(shown == 0.06 for number, shown in opacity if number not in picked)


def test_on_a_dark_phone_it_is_dark_and_fits(phone):
    assert phone.execute_script("return document.documentElement.scrollWidth") == 390
    background = "return getComputedStyle(document.body).backgroundColor"
    assert phone.execute_script(background) == "rgb(21, 25, 30)"
    papers = phone.execute_script(
        "return [...document.querySelectorAll('.plot')].map((p) => p._fullLayout.paper_bgcolor)"
    )
    assert set(papers) == {DARK[PAGE]}


def test_on_a_phone_the_values_and_the_labels_of_parameters_are_on_the_screen(phone):
    edges = (
        "return [...document.querySelectorAll(arguments[0])]"
        ".map((part) => part.getBoundingClientRect()).map((box) => [box.left, box.right])"
    )
    for selector in ("#summary td", "[data-figure=figure-importance] .ytick text"):
        boxes = phone.execute_script(edges, selector)
        assert boxes and all(left >= 0 and right <= 390 for left, right in boxes), selector


def test_on_paper_it_is_landscape_a4_with_all_its_figures(driver):
    printed = driver.execute_cdp_cmd("Page.printToPDF", {"preferCSSPageSize": True})
    pdf = base64.b64decode(printed["data"])
    assert pdf.startswith(b"%PDF") and b"/MediaBox [0 0 84" in pdf


def test_the_pictures_of_the_documentation_are_small(experiment, tmp_path):
    source = experiment.paths.root
    written = screenshots.pictures(source, dict.fromkeys(screenshots.PARTS, source), tmp_path)
    assert [path.name for path in written] == [
        "report_top.png", "report_curves.png", "report_parallel.png", "report_importance.png",
        "report_predictions.png", "report_phone.png",
    ]  # fmt: skip
    assert all(2_000 < path.stat().st_size < 300_000 for path in written)
