import json
import shutil

import pytest
from toy_experiment import write_toy_experiment

from automl.cli import main
from automl.experiment.experiment import Experiment
from automl.files import parse_yaml
from automl.session import fsck
from automl.session.session import drive


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Return a finished experiment that was promoted."""
    folder = tmp_path_factory.mktemp("whole")
    (folder / "data").mkdir()
    return drive(write_toy_experiment(folder / "exp", folder / "data", trials=2)).paths.root


@pytest.fixture
def root(whole, tmp_path):
    shutil.copytree(whole.parent, tmp_path, dirs_exist_ok=True)
    return tmp_path / "exp"


def test_a_sound_experiment_has_no_findings(root, capsys):
    assert fsck.findings(root) == []
    assert main(["fsck", str(root)]) == 0
    assert capsys.readouterr().out == f"{root}: nothing is harmed\n"


@pytest.mark.parametrize(
    "name",
    ["best.json", "leaderboard.csv", "report.html", "promoted/parity.json", "importance.json",
     "mlflow.json", "trials/0000/environment.json", "../jobs.db"],
)  # fmt: skip
def test_what_follows_from_the_journal_is_named_and_rebuilt(root, capsys, name):
    path = root / name
    is_made = path.exists()
    before = path.read_bytes() if is_made else b""
    path.unlink(missing_ok=True)
    if name not in ("leaderboard.csv", "report.html"):
        path.write_bytes(before[: len(before) // 2] or b"{")
    assert main(["fsck", str(root), "--json"]) == 1
    content = json.loads(capsys.readouterr().out)
    files = [(one["file"], one["is_derived"]) for one in content["findings"]]
    assert files == [(str(root.parent / "jobs.db" if "jobs" in name else path), True)]
    assert main(["fsck", str(root), "--rebuild"]) == 0
    if name in ("best.json", "leaderboard.csv", "promoted/parity.json"):
        assert path.read_bytes() == before


def test_a_harmed_line_is_named_and_cut_and_a_resume_ends_the_same(root, whole, capsys):
    journal = root / "journal.jsonl"
    content = journal.read_bytes()
    journal.write_bytes(content.replace(b'"epoch": 3', b'"epoch": 2', 1))
    assert main(["fsck", str(root), "--json"]) == 1
    (finding,) = json.loads(capsys.readouterr().out)["findings"]
    line = content[: content.index(b'"epoch": 3')].count(b"\n") + 1
    assert finding["file"] == str(journal) and finding["line"] == line
    assert "--cut" in finding["next"]
    assert main(["fsck", str(root), "--cut"]) == 0
    kept = root / "journal.jsonl.harmed"
    assert str(kept) in capsys.readouterr().err
    assert kept.read_bytes().count(b"\n") == content.count(b"\n")
    assert journal.read_bytes() == b"".join(content.splitlines(keepends=True)[: line - 1])
    drive(root)
    ends = [Experiment.load(one).history.trials for one in (root, whole)]
    metrics = [[[r.metrics for r in trial.reports] for trial in one.values()] for one in ends]
    assert metrics[0] == metrics[1]


@pytest.mark.parametrize("name", ["settings.yaml", "space.yaml"])
def test_a_changed_source_is_named_and_accepted_only_on_request(root, capsys, name):
    path = root / name
    path.write_text(path.read_text() + "\n# a word of mine\n")
    assert main(["fsck", str(root), "--rebuild"]) == 1
    assert f"{path}: was changed since it was written; put it back" in capsys.readouterr().out
    assert main(["resume", str(root)]) == 2
    assert main(["fsck", str(root), "--accept"]) == 0
    assert main(["resume", "--quiet", str(root)]) == 0


def test_settings_that_cannot_be_read_are_not_accepted(root, capsys):
    (root / "settings.yaml").write_text("format: 2\nskill: [")
    assert main(["fsck", str(root), "--accept"]) == 2
    assert "settings.yaml: is not YAML" in capsys.readouterr().err


def test_what_no_journal_gives_back_is_named_with_the_next_step(root, capsys):
    model = root / Experiment.load(root).history.promotion["onnx"]
    model.write_bytes(b"another")
    shutil.rmtree(root / "trials" / "0001")
    assert main(["fsck", str(root), "--rebuild"]) == 1
    told = capsys.readouterr().out
    assert f"{model}: is not the model that was promoted; promote again: automl promote" in told
    assert f"{root / 'trials' / '0001'}: is gone; its epochs are in the journal" in told


def test_a_journal_that_is_gone_is_a_finding(root):
    (root / "journal.jsonl").unlink()
    (finding,) = fsck.findings(root)
    assert "holds no event, but there is" in finding.text() and not finding.is_derived


def test_a_space_that_is_no_space_is_not_accepted(root, capsys):
    (root / "space.yaml").write_text("train.lr: null\n")
    assert main(["fsck", str(root), "--accept"]) == 2
    assert "space: train.lr: None is not of type 'object'" in capsys.readouterr().err


def test_a_space_with_a_key_that_no_trial_would_use_is_not_accepted(root, capsys):
    path = root / "space.yaml"
    key, *_ = parse_yaml(path.read_text(), path)
    path.write_text(path.read_text().replace(f"{key}:", f"{key}r:", 1))
    assert main(["fsck", str(root), "--accept"]) == 2
    told = capsys.readouterr().err
    assert f"space.yaml: {key}r: unknown key; did you mean {key}?" in told


@pytest.mark.parametrize(
    ("edit", "told"),
    [({"high": 100}, "train.width: 100 is not allowed: must be an int in [1, 64]"),
     ({"low": -3}, "train.width: -3 is not allowed: must be an int in [1, 64]"),
     ({"choices": [8, 65]}, "train.width: 65 is not allowed: must be an int in [1, 64]")],
)  # fmt: skip
def test_a_space_beyond_the_bounds_of_the_schema_is_not_accepted(root, capsys, edit, told):
    path = root / "space.yaml"
    space = parse_yaml(path.read_text(), path)
    space["train.width"] |= edit
    path.write_text(json.dumps(space))
    assert main(["fsck", str(root), "--accept"]) == 2
    assert f"space.yaml: {told}" in capsys.readouterr().err
    assert Experiment.load(root).settings.checksums  # As they were: the file is refused still.
    assert main(["report", str(root)]) == 2


def test_a_value_that_is_none_of_the_space_is_a_line_to_cut(root, capsys):
    """An older journal, without checksums, does not show that it was changed."""
    path = root / "journal.jsonl"
    events = [json.loads(line) for line in path.read_text().splitlines()]
    for event in events:
        del event["crc"]
        event.pop("format", None)
    line, start = [each for each in enumerate(events, 1) if each[1]["event"] == "start"][1]
    start["values"]["train.lr"] = "0.1"
    path.write_text("".join(json.dumps(event) + "\n" for event in events))
    assert main(["fsck", str(root), "--json"]) == 1
    (finding,) = json.loads(capsys.readouterr().out)["findings"]
    assert finding["line"] == line
    assert finding["fault"] == "train.lr: '0.1' is no value of space.yaml"
    assert main(["fsck", str(root), "--cut"]) == 0
    assert main(["resume", "--quiet", str(root)]) == 0
