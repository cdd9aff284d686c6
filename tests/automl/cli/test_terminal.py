"""Texts of trainings, files and journals change nothing of the terminal that shows them."""

import logging
import sys

import pytest
from made import closed, finish, made_experiment, report, start

from automl.cli import main
from automl.errors import UsageError
from automl.progress.watch import LinesWatcher

ESCAPE = "\x1b]0;OWNED\x07\x1b[2J\x9b1m\udcff"
SHOWN = r"\x1b]0;OWNED\x07\x1b[2J\x9b1m\udcff"


@pytest.fixture
def experiment(tmp_path):
    """Return an experiment whose trial failed with a line that a terminal would obey."""
    failed = finish(1, "failed", "crashed", ESCAPE[:-1])
    return made_experiment(
        tmp_path / "exp",
        start(0),
        report(0, 1, 0.5),
        finish(0),
        start(1),
        failed,
        closed("stopped"),
    )


def test_status_and_its_events_show_the_message_of_a_failure_written_out(experiment, capsys):
    assert main(["status", str(experiment.paths.root)]) == 0
    out = capsys.readouterr().out
    assert SHOWN.split("[2J")[0] in out.replace("\n", "") and "\x1b" not in out


def test_the_lines_of_a_run_show_it_written_out(experiment, capsys):
    LinesWatcher(experiment.paths.root, sys.stderr).closed(experiment)
    err = capsys.readouterr().err
    assert SHOWN[:-6] in err and "\x1b" not in err


def test_an_error_and_a_warning_are_written_out(capsys, monkeypatch):
    def fail(_words):
        logging.getLogger("a.skill").warning("skipped %s", ESCAPE)
        raise UsageError(f"masks/{ESCAPE}.png: is no mask")

    monkeypatch.setattr("automl.cli._run", fail)
    monkeypatch.setattr(logging.getLogger(), "handlers", [])
    assert main(["status"]) == 2
    err = capsys.readouterr().err
    assert f"automl: masks/{SHOWN}.png: is no mask" in err and "\x1b" not in err
