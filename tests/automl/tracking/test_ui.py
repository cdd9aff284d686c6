"""MLflow's UI in a real browser, on the store of a real search of the toy skill."""

import json

import pytest

from automl.experiment.experiment import Experiment, space_of
from automl.experiment.journal import Journal
from automl.tracking.names import ParameterNames
from experiments.screenshots import browser as chromium
from experiments.screenshots.mlflow import PATIENCE_S, open_page, served

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.skipif(chromium.lacking() is not None, reason=str(chromium.lacking())),
]
TRIALS = 5


@pytest.fixture(scope="module")
def root(tmp_path_factory, run_in):
    """Return the folder of a search that MLflow was told of."""
    folder = tmp_path_factory.mktemp("ui")
    (folder / "data").mkdir()
    done = run_in(folder, "run", "--skill", "toy", "--data", "data", "--runner", "local",
                  "--trials", TRIALS, "--epochs", 4, "--out", "runs/exp", "--quiet")  # fmt: skip
    assert done.returncode == 0, done.stderr
    return folder / "runs" / "exp"


@pytest.fixture(scope="module")
def ui(root):
    """Serve the UI; return its address and that of the comparison, as `automl ui` prints them."""
    with served(root) as addresses:
        yield addresses


@pytest.fixture
def driver():
    # Wide: the comparison draws only the columns that are in sight.
    with chromium.browser(3000, 2400) as started:
        yield started


def trials_of(root):
    """Return values and last score of each trial by the name of its run, from the journal."""
    trials = {}
    for event in Journal(root / "journal.jsonl").read():
        if event["event"] == "start":
            trials[f"trial-{event['trial']:04d}"] = [event["values"], None]
        elif event["event"] == "report":
            trials[f"trial-{event['trial']:04d}"][1] = event["metrics"]["score"]
    return trials


def names_of(root):
    """Return the name of each parameter in MLflow by its key."""
    experiment = Experiment.load(root)
    space = space_of(experiment.paths, experiment.settings)
    names = ParameterNames(space, is_ranked=True).of({key: key for key in space.parameters})
    return {key: name for name, key in names.items()}


def rows_of(driver):
    """Return the comparison's tables: by the name of a row, the texts of its cells."""
    script = """
        const rows = {};
        for (const row of document.querySelectorAll('tr')) {
            const head = row.querySelector('th');
            if (head) rows[head.textContent.trim()] =
                [...row.querySelectorAll('td')].map(cell => cell.textContent.trim());
        }
        const place = cell => [parseInt(cell.style.top), parseInt(cell.style.left)];
        const names = {}, cells = {};
        const placed = '.ReactVirtualized__Grid div[style*="left"]';
        for (const cell of document.querySelectorAll(placed)) {
            const [top, left] = place(cell);
            if (cell.querySelector('a[title="Plot chart"]')) names[top] = cell.textContent.trim();
            else (cells[top] ||= []).push([left, cell.textContent.trim()]);
        }
        for (const top in names) if (!(names[top] in rows))
            rows[names[top]] = (cells[top] || []).sort((a, b) => a[0] - b[0]).map(c => c[1]);
        return rows;
    """
    return driver.execute_script(script)


def check_against_journal(driver, root):
    from selenium.webdriver.support.ui import WebDriverWait

    waiting = WebDriverWait(driver, PATIENCE_S)
    waiting.until(lambda d: len(rows_of(d).get("score", [])) == TRIALS)
    rows, journal = rows_of(driver), trials_of(root)
    names = rows["Run Name:"]
    assert sorted(names) == sorted(journal) and len(names) == TRIALS
    for column, name in enumerate(names):
        values, score = journal[name]
        # MLflow shows three decimals.
        assert float(rows["score"][column]) == pytest.approx(score, abs=6e-4)
        for key, shown in names_of(root).items():
            assert rows[shown][column] == (str(values[key]) if key in values else "")


def test_children_selected_in_the_table_compare_with_the_numbers_of_the_journal(root, ui, driver):
    from selenium.webdriver.common.by import By
    from selenium.webdriver.support.ui import WebDriverWait

    url, _ = ui
    where = json.loads((root / "mlflow.json").read_text())
    open_page(driver, f"{url}/#/experiments/{where['experiment_id']}/runs")
    waiting = WebDriverWait(driver, PATIENCE_S)

    def rows():
        left = ".ag-pinned-left-cols-container .ag-row"
        return {
            row.find_element(By.CSS_SELECTOR, "a[href*='/runs/']").text: row
            for row in driver.find_elements(By.CSS_SELECTOR, left)
        }

    parent = waiting.until(lambda _: rows().get("exp"))
    parent.find_element(By.CSS_SELECTOR, "button[data-component-id*='runnamecell']").click()
    waiting.until(lambda _: len(rows()) == TRIALS + 1)
    for name, row in rows().items():
        if name != "exp":
            row.find_element(By.CSS_SELECTOR, "input[type=checkbox]").click()
    button = "[data-testid=runs-compare-button]"
    waiting.until(lambda d: d.find_elements(By.CSS_SELECTOR, button))[0].click()
    check_against_journal(driver, root)


def test_the_page_that_the_command_prints_compares_all_trials_in_parallel_coordinates(
    root, ui, driver
):
    from selenium.webdriver.common.by import By
    from selenium.webdriver.support.ui import WebDriverWait

    _, page = ui
    assert page.endswith("&workflowType=machine_learning")  # Not the menu of prompts and traces.
    open_page(driver, page)
    check_against_journal(driver, root)
    axes = ".parcoords .axis-title"
    waiting = WebDriverWait(driver, PATIENCE_S)
    titles = [a.text for a in waiting.until(lambda d: d.find_elements(By.CSS_SELECTOR, axes))]
    assert titles == ["01 flip.enable", "02 p", "03 lr", "score"]
