import fcntl
import io
import json
import os
import pty
import re
import select
import signal
import subprocess
import threading
import time

import pytest
from made import made_experiment, report, start
from rich.console import Console

from automl.cli import main
from automl.experiment.lock import ExperimentLock
from automl.experiment.observer import ExperimentObserver
from automl.experiment.paths import ExperimentPaths
from automl.experiment.resources import Resources
from automl.plan.plan import plan_from_request
from automl.progress.watch import LinesWatcher, LiveWatcher, watch
from automl.report.importance import importance_so_far
from automl.request.request import Request
from automl.request.search import SearchRequest
from automl.session.session import drive


@pytest.fixture
def plan(tmp_path, toy_data):
    """Return the folder of a new experiment of the toy skill."""
    request = Request(
        skill="toy", data=str(toy_data), out=tmp_path / "exp", tracker="none",
        search=SearchRequest(trials=3, epochs=9, algorithm="asha"),
        resources=Resources(runner="local"),
    )  # fmt: skip
    plan_from_request(request).write()
    return tmp_path / "exp"


def test_the_lines_of_a_run_tell_what_the_searcher_does_and_why(plan):
    stream = io.StringIO()
    drive(plan, watchers=[LinesWatcher(plan, stream)])
    lines = stream.getvalue().splitlines()
    assert lines[0] == "trial 0000 starts: the defaults"
    assert re.fullmatch(r"trial 0000 epoch 1/\d score 0.\d{4}  best so far", lines[1])
    assert "trial 0000 paused: rank 1 of 1 at epoch 1" in lines
    assert any(re.fullmatch(r"trial \d{4} resumes, to epoch 3: rank 1 of 3 at epoch 1", line)
               for line in lines)  # fmt: skip
    assert re.fullmatch(r"trial \d{4} promoting: exporting and measuring the model", lines[-2])
    assert lines[-1] == f"promoted {plan / 'promoted' / 'model.onnx'}"


def test_a_promotion_is_told_when_it_begins(plan):
    class Model(ExperimentObserver):
        """Remembers the lines that were printed before the model is exported."""

        def promoting(self, trial):
            self.lines = stream.getvalue().splitlines()

    stream, model = io.StringIO(), Model()
    drive(plan, watchers=[LinesWatcher(plan, stream), model])
    assert model.lines[-1].endswith("promoting: exporting and measuring the model")


def test_the_json_lines_of_a_run_are_the_same_with_the_metrics(plan):
    stream = io.StringIO()
    drive(plan, watchers=[LinesWatcher(plan, stream, is_json=True)])
    told = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert set(told[0]) == {"time", "what", "trial", "text"}
    report = next(one for one in told if one["what"] == "reported")
    assert report["epoch"] == 1 and set(report["metrics"]) >= {"score", "loss"}
    assert told[-1]["what"] == "closed" and told[-1]["trial"] is None


def test_a_resume_tells_only_what_is_new(plan):
    drive(plan)
    journal = plan / "journal.jsonl"
    journal.write_bytes(b"".join(journal.read_bytes().splitlines(keepends=True)[:8]))
    stream = io.StringIO()
    drive(plan, watchers=[LinesWatcher(plan, stream)])
    lines = stream.getvalue().splitlines()
    assert lines[0] == f"resuming {plan}: 0 trials done"
    assert "trial 0000 starts: the defaults" not in lines


def test_watching_one_that_is_over_tells_it_and_ends(plan, capsys):
    drive(plan)
    watch(plan, importance_so_far, is_json=False)
    assert capsys.readouterr().out.splitlines()[-1] == f"{plan}: finished"
    watch(plan, importance_so_far, is_json=True)
    [line] = capsys.readouterr().out.splitlines()
    told = json.loads(line)
    assert (told["state"], told["limits"][0]) == (
        "finished", {"name": "trials", "used": 3, "limit": 3, "is_asked": True},
    )  # fmt: skip


def test_status_draws_the_view_of_one_that_was_cut_off_above_the_leaderboard(plan, capsys):
    drive(plan)
    journal = plan / "journal.jsonl"
    journal.write_bytes(b"".join(journal.read_bytes().splitlines(keepends=True)[:6]))
    assert main(["status", str(plan)]) == 0
    view, _, board = capsys.readouterr().out.partition("rank  trial")
    assert (
        "interrupted" in view and " 2/3" in view and "0000 paused: rank 1 of 1 at epoch 1" in view
    )
    assert "0000 (defaults)" in board


def test_a_driver_waits_for_an_onlooker_who_holds_the_lock_for_a_moment(plan):
    paths = ExperimentPaths(plan)
    with paths.lock.open("a") as onlooker:
        fcntl.flock(onlooker, fcntl.LOCK_SH)
        timer = threading.Timer(0.15, fcntl.flock, (onlooker, fcntl.LOCK_UN))
        timer.start()
        with ExperimentLock(paths):
            pass
        timer.join()


class Terminal:
    """A command on a terminal of its own."""

    def __init__(self, command, folder, *words, columns=80, lines=24):
        self._ours, theirs = pty.openpty()
        size = {"COLUMNS": str(columns), "LINES": str(lines)}
        environment = {**os.environ, "TERM": "xterm", **size}
        environment.pop("NO_COLOR", None)
        self.child = subprocess.Popen(
            [command, *map(str, words)], cwd=folder, env=environment,
            stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
        )  # fmt: skip
        os.close(theirs)
        self.text = ""

    def read(self, until="\0", timeout=60):
        """Read until a text was seen or the command has ended."""
        end = time.monotonic() + timeout
        while until not in self.text and time.monotonic() < end:
            if select.select([self._ours], [], [], 0.2)[0]:
                try:
                    self.text += os.read(self._ours, 65536).decode(errors="replace")
                except OSError:  # The other end is closed.
                    break
        return self.text

    def close(self):
        """Return the exit code, with all that was still written read."""
        self.read()
        os.close(self._ours)
        return self.child.wait(timeout=60)


def test_the_live_view_has_the_importances_once_they_are_computed(tmp_path):
    events = [each for n in range(8) for each in (start(n, {"lr": n}), report(n, 1, n / 10))]
    root = made_experiment(tmp_path / "exp", *events).paths.root
    watcher = LiveWatcher(root, lambda _root: {"train.lr": 0.75})
    deadline = time.monotonic() + 60
    while not (shown := watcher._screen()).importances and time.monotonic() < deadline:
        time.sleep(0.01)
    console = Console(width=200, height=50, file=io.StringIO())
    console.print(shown)
    assert re.search(r"\nlr +75% +━+", console.file.getvalue())


@pytest.mark.slow
def test_a_terminal_shows_the_run_live_and_another_looks_on_and_leaves_by_ctrl_c(
    tmp_path, toy_data, commands
):
    run = Terminal(
        commands / "automl", tmp_path, "run", "--skill", "toy", "--data", toy_data, "--runner",
        "local", "--tracker", "none", "--out", "exp", "--trials", 2, "--epochs", 6,
        "train.pause_s=0.5", columns=200, lines=50,
    )  # fmt: skip
    assert "searching by auto" in run.read("searching by auto")
    onlooker = Terminal(commands / "automl", tmp_path, "status", "exp", "--watch")
    assert "searching by auto" in onlooker.read("searching by auto")
    onlooker.child.send_signal(signal.SIGINT)
    assert onlooker.close() == 0
    assert "Traceback" not in onlooker.text and "interrupted" not in onlooker.text
    other = Terminal(commands / "automl", tmp_path, "status", "exp", "--watch")
    assert run.close() == 0
    assert "\x1b[?25h" in run.text  # The cursor is shown again.
    assert "best: trial" in run.text.rpartition("\x1b[?25h")[2]
    assert other.close() == 0
    assert "finished" in other.text
