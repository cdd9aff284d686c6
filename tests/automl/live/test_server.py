"""The live server over HTTP, without a browser."""

import json
import shutil
import socket

import pytest
from live import Browser, served
from made import finish, report, start

from automl.errors import UsageError
from automl.experiment.experiment import Experiment, space_of
from automl.experiment.lock import ExperimentLock
from automl.live.server import LiveServer
from automl.live.source import LiveExperiment
from automl.report.page.page import sections


@pytest.fixture
def browser(search):
    with served(search.root) as server:
        yield Browser(server)


def test_the_page_shows_the_sections_of_the_report(browser, search):
    experiment = Experiment.load(search.root)
    space = space_of(experiment.paths, experiment.settings)
    text = browser.ask("/")[1]
    for section in sections(experiment, space, experiment.state):
        assert section.html in text
    assert "The process that drove this search is gone, and nothing runs." in text


def test_a_growing_journal_changes_only_the_sections_that_it_changes(browser, search):
    first = browser.changes(0)
    assert {"now", "trials", "curves"} <= first["sections"].keys()
    search.append(report(1, 2, 0.7, loss=1.0), finish(1))
    second = browser.changes_of("summary", first["version"])
    assert "0.7" in second["sections"]["summary"] and "reproduce" not in second["sections"]
    assert [name for name, _ in second["links"]][0] == "now"


def test_a_search_that_runs_has_importances_as_soon_as_enough_trials_have_a_value(search):
    for number in range(2, 10):
        values = search.values(**{"train.lr": 0.001 * number})
        search.append(start(number, values), report(number, 1, number / 20, loss=1.0))
    with ExperimentLock(Experiment.load(search.root).paths), served(search.root) as server:
        browser = Browser(server)
        version = 0
        while "figure-importance" not in (found := browser.changes(version))["sections"].get(
            "importance", ""
        ):
            version = found["version"]
        assert "take these importances as a hint" in found["sections"]["importance"]


def test_only_who_has_the_token_may_look(browser, search):
    browser.headers = {}
    status, text, _ = browser.ask("/")
    assert status == 403 and "printed" in text and "exp" not in text
    for path in ("/changes?since=0", "/e/0/form", "/?token=wrong"):
        assert browser.ask(path)[0] == 403
    status, _, headers = browser.ask(f"/?token={browser.server.token}")
    assert status == 303 and headers["Location"] == "/"
    assert "HttpOnly; SameSite=Lax" in headers["Set-Cookie"]


def test_a_redirect_leads_nowhere_else(browser):
    path = f"//elsewhere.example/?token={browser.server.token}"
    assert not browser.ask(path)[2]["Location"].startswith("//")


def test_another_name_of_this_machine_is_refused(browser):
    assert browser.ask("/", headers={"Host": "evil.example:80"})[0] == 403
    assert browser.ask("/", headers={"Host": "localhost:8080"})[0] == 200  # By an SSH tunnel.


def test_a_request_needs_the_token_of_the_page(browser, search):
    stop = {"action": "stop", "trial": 1}
    assert browser.post("/e/0/requests", stop, **{"X-Automl-Token": "x"})[0] == 403
    assert not Experiment.load(search.root).requests
    status, text, _ = browser.post("/e/0/requests", stop)
    assert (status, json.loads(text)["trial"]) == (200, 1)
    assert [one.trial for one in Experiment.load(search.root).requests] == [1]
    waiting = browser.changes(0)["sections"]["now"]
    assert "Asked by hand, not carried out yet: stop trial 0001." in waiting


def test_an_added_trial_has_the_values_of_the_form(browser, search):
    form = json.loads(browser.ask("/e/0/form?like=1")[1])
    fields = {field["key"]: field for field in form["fields"]}
    assert (form["like"], fields["train.lr"]["value"]) == (1, 0.05)
    content = {"action": "add", "like": 1, "values": {"train.lr": "1e-3"}}
    assert browser.post("/e/0/requests", {**content, "values": {"train.lr": "99"}})[0] == 400
    assert browser.post("/e/0/requests", {**content, "values": {}})[0] == 400
    assert browser.post("/e/0/requests", {**content, "values": {"train.lr": "0.07"}})[0] == 200
    assert Experiment.load(search.root).requests[0].values["train.lr"] == 0.07


@pytest.mark.parametrize(
    "content", [{}, [], {"action": "stop"}, {"action": "stop", "trial": 7},
                {"action": "add", "values": 3}, {"action": "add", "like": "x"}],
)  # fmt: skip
def test_a_request_that_makes_no_sense_is_answered_with_its_fault(browser, content):
    status, text, _ = browser.post("/e/0/requests", content)
    assert status == 400 and json.loads(text)["error"]["message"]


def test_without_buttons_nothing_can_be_asked(search):
    with served(search.root, may_act=False) as server:
        answer = Browser(server).post("/e/0/requests", {"action": "stop", "trial": 1})
        assert answer[0] == 403


def test_several_experiments_stand_side_by_side(search, tmp_path):
    shutil.copytree(search.root, tmp_path / "other")
    with served(search.root, tmp_path / "other") as server:
        browser = Browser(server)
        text = browser.ask("/")[1]
        assert '<a href="e/1/">other</a>' in text and "2 experiments" in text
        assert "figure-curves" in browser.ask("/e/1/")[1]
        first = browser.changes(0)
        search.append(report(1, 2, 0.9, loss=1.0))
        changed = browser.changes_of("experiments", first["version"])
        assert "0.9" in changed["sections"]["experiments"]


def test_a_harmed_journal_is_named_on_the_page(browser, search):
    browser.ask("/")
    with search.journal.path.open("a") as file:
        file.write("{}\n")
    assert "the journal was changed or harmed" in browser.changes(1)["sections"]["now"]


def test_a_port_that_is_taken_is_the_users_mistake(search):
    with served(search.root) as server, pytest.raises(UsageError, match="cannot be used"):
        LiveServer([LiveExperiment(search.root)], host="127.0.0.1",
                   port=server.server_address[1])  # fmt: skip


def test_unknown_places_are_not_found(browser):
    for path in ("/e/9/", "/nothing", "/e/0/nothing", "/changes/../x"):
        assert browser.ask(path)[0] == 404


def test_a_trial_that_ends_while_the_page_is_computed_harms_nothing(browser, search):
    search.append(finish(1))
    assert browser.changes(0)["sections"]["trials"].count("completed") >= 2


def test_an_address_that_is_none_is_the_users_mistake(search):
    with pytest.raises(UsageError, match="--host foo.invalid --port 0: cannot be used"):
        LiveServer([LiveExperiment(search.root)], host="foo.invalid", port=0)


def test_odd_numbers_and_hosts_are_answered(browser):
    superscript = "\xb2"  # A digit to Python, and no number.
    address = browser.server.server_address[:2]
    cookie = browser.headers["Cookie"]
    for line, host, status in [
        (f"GET /changes?since={superscript}", "localhost", 200),
        (f"POST /e/{superscript}/requests", "localhost", 403),
        ("GET /", "[::1", 403),
    ]:
        with socket.create_connection(address, timeout=60) as connection:
            text = f"{line} HTTP/1.0\r\nHost: {host}\r\nCookie: {cookie}\r\n\r\n"
            connection.sendall(text.encode("latin-1"))
            assert connection.recv(100).split()[1] == str(status).encode(), line
