import json
import math
import subprocess
import sys

import pytest

from automl.errors import UsageError
from automl.experiment.journal import Journal
from automl.experiment.lock import ExperimentLock, is_driven
from automl.experiment.paths import ExperimentPaths
from automl.files import json_text, write_atomic


def test_a_journal_gives_back_what_was_appended(tmp_path):
    journal = Journal(tmp_path / "journal.jsonl")
    events = [{"event": "start", "trial": 0}, {"event": "report", "value": 0.5}]
    for event in events:
        journal.append(event)
    assert list(journal.read()) == events


@pytest.mark.parametrize("cut", range(1, 20))
def test_a_torn_last_line_is_left_out_and_then_written_over(tmp_path, cut):
    path = tmp_path / "journal.jsonl"
    whole = b'{"event": "a"}\n{"event": "b"}\n'
    path.write_bytes(whole[:-cut])
    before = list(Journal(path).read())
    Journal(path).append({"event": "c"})
    assert list(Journal(path).read()) == [*before, {"event": "c"}]


def test_a_journal_that_something_else_changed_is_refused(tmp_path):
    path = tmp_path / "journal.jsonl"
    path.write_text('{"event": "a"}\n{"even\n{"event": "b"}\n')
    with pytest.raises(UsageError, match="line 2 is not an event"):
        list(Journal(path).read())


def test_json_is_strict():
    text = json_text({"a": math.nan, "b": [math.inf, 1.5]})
    assert json.loads(text) == {"a": None, "b": [None, 1.5]}


def test_a_file_is_replaced_whole(tmp_path):
    path = tmp_path / "deep" / "file.txt"
    write_atomic(path, "one")
    write_atomic(path, "two")
    assert path.read_text() == "two"
    assert [p.name for p in path.parent.iterdir()] == ["file.txt"]


def test_an_experiment_has_one_driver_at_a_time(tmp_path):
    paths = ExperimentPaths(tmp_path)
    assert not is_driven(paths)
    with ExperimentLock(paths):
        assert is_driven(paths)
        with (
            pytest.raises(UsageError, match="another process is running this experiment"),
            ExperimentLock(paths),
        ):
            pass
    assert not is_driven(paths)


def test_the_lock_of_a_killed_driver_is_free(tmp_path):
    code = (
        "import os, signal, pathlib\n"
        "from automl.experiment.lock import ExperimentLock\n"
        "from automl.experiment.paths import ExperimentPaths\n"
        f"with ExperimentLock(ExperimentPaths(pathlib.Path({str(tmp_path)!r}))):\n"
        "    os.kill(os.getpid(), signal.SIGKILL)"
    )
    subprocess.run([sys.executable, "-c", code], check=False, timeout=60)
    assert (tmp_path / ".lock").exists()
    assert not is_driven(ExperimentPaths(tmp_path))
