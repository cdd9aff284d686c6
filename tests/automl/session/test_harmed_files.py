"""Every kind of harm to a file ends in one line, or in the result that there would have been."""

import json
import os
import random
import shutil
import sqlite3

import pytest
from toy_experiment import write_toy_experiment

from automl.cli import main
from automl.experiment.experiment import Experiment
from automl.session.session import drive


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Return a finished experiment that was promoted."""
    folder = tmp_path_factory.mktemp("whole")
    (folder / "data").mkdir()
    return drive(
        write_toy_experiment(folder / "exp", folder / "data", trials=5, epochs=2)
    ).paths.root


@pytest.fixture(params=["cut off", "finished"])
def root(request, whole, tmp_path):
    """Return a copy of the experiment, as it ended or as it was killed in its middle."""
    shutil.copytree(whole.parent, tmp_path, dirs_exist_ok=True)
    copy = tmp_path / "exp"
    if request.param == "cut off":
        lines = (copy / "journal.jsonl").read_bytes().splitlines(keepends=True)
        (copy / "journal.jsonl").write_bytes(b"".join(lines[: len(lines) // 2]))
        for name in ("best.json", "leaderboard.csv", "report.html", "importance.json"):
            (copy / name).unlink(missing_ok=True)
        shutil.rmtree(copy / "promoted")
    return copy


def outcome(root):
    trials = Experiment.load(root).history.trials.values()
    return [(t.number, t.values, t.state, [(r.epoch, r.metrics) for r in t.reports])
            for t in trials]  # fmt: skip


def cut(path, share=0.5):
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])


def flip(path, draw):
    content = bytearray(path.read_bytes())
    for _ in range(3):
        content[draw.randrange(len(content) // 3, len(content))] ^= 1 << draw.randrange(8)
    path.write_bytes(content)


def garble(path, draw, size):
    content = path.read_bytes()
    path.write_bytes(draw.randbytes(min(size, len(content))) + content[size:])


def to_folder(path):
    path.unlink(missing_ok=True)
    path.mkdir()


def to_pipe(path):
    path.unlink(missing_ok=True)
    os.mkfifo(path)


def to_device(path):
    path.unlink(missing_ok=True)
    path.symlink_to("/dev/zero")


def to_file(path):
    shutil.rmtree(path, ignore_errors=True)
    path.write_text("x")


def line(number, change):
    def harm(root, _draw):
        lines = (root / "journal.jsonl").read_bytes().splitlines(keepends=True)
        lines[number] = change(lines[number])
        (root / "journal.jsonl").write_bytes(b"".join(lines))

    return harm


def event(kind, **changes):
    """Return the harm of a journal without checksums, as older versions wrote it."""

    def harm(root, _draw):
        events = [json.loads(text) for text in (root / "journal.jsonl").read_text().splitlines()]
        for one in events:
            one.pop("crc")
            one.pop("format", None)
        changed = next(one for one in events if one["event"] == kind)
        changed.update(changes)
        lines = [json.dumps({k: v for k, v in one.items() if v is not ...}) for one in events]
        (root / "journal.jsonl").write_text("\n".join(lines) + "\n")

    return harm


def of(name, harm, *arguments):
    return lambda root, _draw: harm(root / name, *arguments)


def at_random(name, harm, *arguments):
    return lambda root, draw: harm(root / name, draw, *arguments)


def written(name, content):
    return lambda root, _draw: (root / name).write_bytes(content)


def added(name, content):
    return lambda root, _draw: (root / name).write_bytes((root / name).read_bytes() + content)


def gone(name):
    def harm(root, _draw):
        path = root / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()

    return harm


def other_columns(root, _draw):
    with sqlite3.connect(root.parent / "jobs.db") as database:
        database.execute("DROP TABLE jobs")
        database.execute("CREATE TABLE jobs (id TEXT)")


def all_of(pattern, name, content):
    return lambda root, _draw: [(path / name).write_bytes(content) for path in root.glob(pattern)]


BOMB = b"a: &a [x,x,x,x,x,x,x,x,x]\n" + b"".join(
    b"%c: &%c [%s]\n" % (98 + n, 98 + n, b",".join([b"*%c" % (97 + n)] * 9)) for n in range(9)
)
REFUSED = {
    "journal: zeros at the tail": added("journal.jsonl", b"\0" * 9 + b"\n"),
    "journal: empty": written("journal.jsonl", b""),
    "journal: gone": gone("journal.jsonl"),
    "journal: is a folder": of("journal.jsonl", to_folder),
    "journal: is a pipe": of("journal.jsonl", to_pipe),
    "journal: is a device": of("journal.jsonl", to_device),
    "journal: bits flipped": at_random("journal.jsonl", flip),
    "journal: garbled": at_random("journal.jsonl", garble, 200),
    "journal: start gone": line(1, lambda _: b""),
    "journal: report gone": line(3, lambda _: b""),
    "journal: a line twice": line(3, lambda text: text + text),
    "journal: not UTF-8": line(3, lambda text: text.replace(b"trial", b"tri\xffl")),
    "journal: a list": line(3, lambda _: b"[1, 2]\n"),
    "journal: nested deep": line(3, lambda _: b"[" * 100_000 + b"]" * 100_000 + b"\n"),
    "journal: long digits": line(3, lambda _: b'{"event": "report", "time": %s}\n' % (b"9" * 5000)),
    "journal: a checksum gone": line(3, lambda text: text[:-21] + b"}\n"),
    "old journal: unknown trial": event("report", trial=99),
    "old journal: trial is a text": event("report", trial="x"),
    "old journal: trial is 2**70": event("start", trial=2**70),
    "old journal: trial is -1": event("start", trial=-1),
    "old journal: trial again": event("report", trial=0, epoch=0),
    "old journal: no time": event("report", time=...),
    "old journal: time is a text": event("report", time="now"),
    "old journal: time is huge": event("report", time=10**400),
    "old journal: unknown decision": event("report", decision="dance"),
    "old journal: metric is a text": event("report", metrics={"score": "x"}),
    "old journal: metric is gone": event("report", metrics={}),
    "old journal: values are a list": event("start", values=[1]),
    "old journal: epoch far ahead": event("report", epoch=10**9),
    "old journal: unknown state": event("finish", state="dancing"),
    "old journal: unknown failure": event("finish", failure={"kind": "bad luck", "message": ""}),
    "settings: cut": of("settings.yaml", cut),
    "settings: cut to 90 %": of("settings.yaml", cut, 0.9),
    "settings: empty": written("settings.yaml", b""),
    "settings: a list": written("settings.yaml", b"- 1\n"),
    "settings: a python tag": written("settings.yaml", b"a: !!python/object/apply:os.system [x]\n"),
    "settings: is a pipe": of("settings.yaml", to_pipe),
    "settings: bits flipped": at_random("settings.yaml", flip),
    "settings: zeros": written("settings.yaml", b"\0" * 500),
    "settings: YAML bomb": written("settings.yaml", BOMB),
    "settings: no checksum": lambda r, _: (r / "settings.yaml").write_text(
        "\n".join((r / "settings.yaml").read_text().splitlines()[1:])
    ),
}  # fmt: skip
HARMLESS = {
    "nothing": lambda _root, _draw: None,
    "journal: torn tail": added("journal.jsonl", b'{"event": "cl'),
    "schema: gone": gone("schema.json"),
    "schema: cut": of("schema.json", cut),
    "best: cut": of("best.json", cut),
    "best: gone": gone("best.json"),
    "importance: cut": written("importance.json", b'{"a'),
    "importance: a list": written("importance.json", b"[1]"),
    "importance: texts": written("importance.json", b'{"train.lr": "much"}'),
    "mlflow.json: cut": written("mlflow.json", b'{"st'),
    "mlflow.json: a list": written("mlflow.json", b"[]"),
    "jobs.db: cut": of("../jobs.db", cut),
    "jobs.db: garbled": at_random("../jobs.db", garble, 4096),
    "jobs.db: empty": written("../jobs.db", b""),
    "jobs.db: other columns": other_columns,
    "importance: is a pipe": of("importance.json", to_pipe),
    "mlflow.json: is a device": of("mlflow.json", to_device),
    "best: is a pipe": of("best.json", to_pipe),
    "jobs.db: is a pipe": of("../jobs.db", to_pipe),
    "jobs.db: is a folder": of("../jobs.db", to_folder),
    "trial 1: log is binary": of("trials/0000/log.txt", os.truncate, 0),
    "environment.json is a pipe": lambda r, _: [
        to_pipe(path) for path in r.glob("trials/*/environment.json")
    ],
    "memory.json garbled": all_of("trials/*/", "memory.json", b"{"),
    "environment.json garbled": all_of("trials/*/", "environment.json", b"["),
    "parity.json cut": of("promoted/parity.json", cut),
    "parity.json a list": written("promoted/parity.json", b"[]"),
    "parity.json is a pipe": of("promoted/parity.json", to_pipe),
    "promoted: gone": gone("promoted"),
    "promoted: model cut": of("promoted/model.onnx", cut),
    "promoted: is a file": of("promoted", to_file),
    ".promoting is a file": written(".promoting", b"x"),
    "report.html is a folder": of("report.html", to_folder),
}
COMMANDS = [("status",), ("resume", "--quiet"), ("report",)]


def told(capsys, root, *words):
    """Return the exit code of a command and its lines on stderr."""
    code = main([*words, str(root)])
    return code, capsys.readouterr().err.splitlines()


def harmed(harm, name, root):
    try:
        harm(root, random.Random(name))
    except FileNotFoundError:
        pytest.skip("the file is not there yet")


@pytest.mark.parametrize("name", REFUSED)
def test_a_harmed_source_is_refused_in_a_line_by_every_command(root, capsys, name):
    harmed(REFUSED[name], name, root)
    for words in [*COMMANDS, ("importance",)]:
        code, lines = told(capsys, root, *words)
        assert code == 2 and len([text for text in lines if text.startswith("automl: ")]) == 1
        assert str(root) in "\n".join(lines)
    assert told(capsys, root, "fsck")[0] in (1, 2)


@pytest.mark.parametrize("name", HARMLESS)
def test_harm_to_what_follows_from_the_journal_changes_no_result(root, whole, capsys, name):
    harmed(HARMLESS[name], name, root)
    for words in COMMANDS:
        code, lines = told(capsys, root, *words)
        assert code == 0 or (name == "report.html is a folder" and words == ("report",)), lines
    assert outcome(root) == outcome(whole)


@pytest.mark.parametrize("value", ["0.1", None, {"a": 1}])
def test_a_value_that_is_none_of_the_space_in_an_old_journal_is_a_line(root, capsys, value):
    values = Experiment.load(root).history.trials[0].values
    event("start", values={**values, "train.lr": value})(root, None)
    for words in (("report",), ("importance",), ("explain",), ("resume", "--quiet")):
        code, lines = told(capsys, root, *words)
        assert code == 2 and len([text for text in lines if text.startswith("automl: ")]) == 1
        assert "journal.jsonl: trial 0: train.lr: " in lines[-1]


@pytest.mark.parametrize("change", [to_folder, to_pipe])
def test_a_lock_that_is_no_file_is_refused(root, capsys, change):
    change(root / ".lock")
    for words in (("status",), ("resume", "--quiet")):
        code, lines = told(capsys, root, *words)
        assert code == 2 and ".lock: cannot be" in lines[-1]
