"""The live page in Chromium: it grows, keeps what the reader chose, and takes requests by hand."""

import pytest
from live import served
from made import closed, finish, report, start
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from automl.experiment.experiment import Experiment
from automl.experiment.lock import ExperimentLock
from experiments.screenshots.browser import browser, lacking

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(lacking() is not None, reason=str(lacking())),
]


@pytest.fixture(scope="module")
def chromium():
    with browser(1280, 1000) as driver:
        yield driver


@pytest.fixture
def page(chromium, search):
    """The page of a search that is driven, drawn."""
    with ExperimentLock(Experiment.load(search.root).paths), served(search.root) as server:
        chromium.get(server.url)
        until(chromium, "return document.body.dataset.drawn")
        yield chromium
        chromium.get("about:blank")


def until(driver, script):
    return WebDriverWait(driver, 60).until(lambda page: page.execute_script(script))


def text_of(driver, selector):
    return driver.find_element(By.CSS_SELECTOR, selector).text


def shown_rows(driver):
    rows = driver.find_elements(By.CSS_SELECTOR, "table.trials tbody tr")
    return [row.text.split()[1] for row in rows if row.is_displayed()]


def press(driver, text):
    button = f"//button[normalize-space()='{text}']"
    driver.execute_script("arguments[0].click()", driver.find_element(By.XPATH, button))


def test_it_grows_and_keeps_filter_order_and_hidden_curves(page, search):
    assert "Starting" in text_of(page, "#now .state") or "Searching" in text_of(page, "#now .state")
    press(page, "trial")
    words = page.find_element(By.CSS_SELECTOR, ".filter input")
    words.send_keys("epochs<3")
    toggle = page.find_element(By.CSS_SELECTOR, "[data-figure=figure-curves] .legendtoggle")
    page.execute_script("arguments[0].scrollIntoView({block: 'center'})", toggle)
    ActionChains(page).move_to_element(toggle).click().perform()
    visible = (
        "document.querySelector('[data-figure=figure-curves]')._fullData.map((t) => t.visible)"
    )
    until(page, f"return {visible}.includes('legendonly')")
    words.click()
    search.append(start(2, search.values(**{"train.lr": 0.01})), report(2, 1, 0.6, loss=1.0))
    until(page, "return document.querySelectorAll('table.trials tbody tr').length === 3")
    assert shown_rows(page) == ["0000", "0001", "0002"]
    assert page.switch_to.active_element.get_attribute("value") == "epochs<3"
    shown = until(page, f"const all = {visible}; return all.length === 3 && all")
    assert shown.count(True) == 2
    assert [line["message"] for line in page.get_log("browser")] == []


@pytest.mark.parametrize(
    "place", ["nav a[href='#trials']", "table.trials th button", "[aria-label='stop trial 1']"]
)
def test_the_keyboard_stays_where_it_is_when_the_page_grows(page, search, place):
    focused = "document.activeElement.outerHTML"
    before = page.execute_script(f"document.querySelector(`{place}`).focus(); return {focused}")
    search.append(start(2, search.values(**{"train.lr": 0.01})), report(2, 1, 0.6, loss=1.0))
    until(page, "return document.querySelectorAll('table.trials tbody tr').length === 3")
    assert page.execute_script(f"return {focused}") == before


def test_the_table_is_sorted_and_filtered(page):
    press(page, "score")
    assert shown_rows(page) == ["0000", "0001"]
    press(page, "score")
    assert shown_rows(page) == ["0001", "0000"]
    page.find_element(By.CSS_SELECTOR, ".filter input").send_keys("score>0.45")
    assert shown_rows(page) == ["0001"]
    assert text_of(page, ".filter output") == "1 of 2"


def test_a_button_stops_a_trial(page, search):
    press(page, "stop")
    page.switch_to.alert.accept()
    until(page, "return document.querySelector('#now').textContent.includes('stop trial 0001')")
    assert [one.trial for one in Experiment.load(search.root).requests] == [1]


def test_a_form_adds_a_trial_and_names_what_is_wrong(page, search):
    press(page, "add a trial")
    field = until(page, "return document.querySelector('dialog input')")
    named = page.execute_script("return arguments[0].parentElement.firstChild.data", field)
    field.clear()
    field.send_keys("9999")
    press(page, "add")
    until(page, "return document.querySelector('dialog .faults').textContent")
    assert named in text_of(page, "dialog .faults")
    field.clear()
    field.send_keys("0.02")
    press(page, "add")
    until(page, "return !document.querySelector('dialog')")
    assert Experiment.load(search.root).requests[0].action == "add"


def test_a_driver_that_dies_and_a_server_that_ends_are_told(chromium, search):
    with ExperimentLock(Experiment.load(search.root).paths), served(search.root) as server:
        chromium.get(server.url)
        until(chromium, "return document.body.dataset.drawn")
    # Both have ended here.
    until(chromium, "return document.getElementById('notice')?.textContent.includes('has ended')")
    with served(search.root) as server:
        chromium.get(server.url)
        assert "is gone, and nothing runs" in text_of(chromium, "#now .state.interrupted")
        search.append(finish(1), closed())
        until(chromium, "return document.querySelector('#now .state.finished')")


def test_on_a_phone_nothing_is_wider_than_the_screen(page):
    screen = {"width": 390, "height": 844, "deviceScaleFactor": 1, "mobile": True}
    page.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)
    try:
        press(page, "add a trial")
        until(page, "return document.querySelector('dialog input')")
        assert page.execute_script("return document.documentElement.scrollWidth") == 390
    finally:
        page.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
