import json
import os

import pytest

from automl.errors import UsageError
from automl.skill.command.report_files import ReportReader, ReportSource
from automl.trial.objective import ReportError


def reader(folder, *metrics, **reports):
    return ReportReader(folder, ReportSource.from_dict(reports), metrics or ("miou",))


def append(path, *records):
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        file.writelines(json.dumps(record) + "\n" for record in records)


@pytest.mark.parametrize("place", ["status.json", "train/status.json"])
def test_kpi_of_one_epoch_is_gathered_until_the_metric_is_there(tmp_path, place):
    read = reader(tmp_path)
    assert list(read.new()) == []
    append(tmp_path / place, {"status": "STARTED"}, {"epoch": 1, "kpi": {"loss": 2.0}})
    assert list(read.new()) == []
    append(tmp_path / place, {"epoch": 1}, {"kpi": {"miou": 0.5, "note": "x"}})
    assert list(read.new()) == [(1, {"loss": 2.0, "miou": 0.5})]
    append(tmp_path / place, {"epoch": 2, "kpi": {"miou": 0.6}})
    assert list(read.new()) == [(2, {"miou": 0.6})]


def test_a_line_that_is_being_written_is_read_when_it_is_whole(tmp_path):
    read, path = reader(tmp_path), tmp_path / "status.json"
    path.write_text('{"epoch": 1, "kpi": {"mi')
    assert list(read.new()) == []
    path.write_text('{"epoch": 1, "kpi": {"miou": 1}}\n')
    assert list(read.new()) == [(1, {"miou": 1.0})]


def test_epochs_counted_from_0_become_epochs_from_1(tmp_path):
    append(tmp_path / "status.json", {"epoch": 0, "kpi": {"miou": 1}})
    assert list(reader(tmp_path, first_epoch=0).new()) == [(1, {"miou": 1.0})]


def test_a_file_begun_anew_is_read_from_its_start(tmp_path):
    read, path = reader(tmp_path), tmp_path / "status.json"
    append(path, {"epoch": 1, "kpi": {"miou": 0.1}}, {"epoch": 2, "kpi": {"miou": 0.2}})
    assert len(list(read.new())) == 2
    path.unlink()
    append(path, {"epoch": 1, "kpi": {"miou": 0.3}})
    assert list(read.new()) == [(1, {"miou": 0.3})]


def test_metrics_may_be_json_lines(tmp_path):
    read = reader(tmp_path, metrics="log/metrics.jsonl")
    append(tmp_path / "log" / "metrics.jsonl", {"epoch": 1, "miou": 0.1}, {"epoch": 2, "miou": 0.2})
    assert list(read.new()) == [(1, {"miou": 0.1}), (2, {"miou": 0.2})]


def test_metrics_may_be_one_object_that_is_written_anew(tmp_path):
    read, path = reader(tmp_path, metrics="metrics.json"), tmp_path / "metrics.json"
    for epoch in (1, 2):
        path.write_text(json.dumps({"epoch": epoch, "miou": epoch / 10}))
        assert list(read.new()) == [(epoch, {"miou": epoch / 10})]
        assert list(read.new()) == []


def test_metrics_without_an_epoch_are_those_of_the_end(tmp_path):
    read = reader(tmp_path, metrics="metrics.json")
    (tmp_path / "metrics.json").write_text(json.dumps({"miou": 0.4}))
    assert list(read.new()) == []
    assert list(read.new(last=10)) == [(10, {"miou": 0.4})]


@pytest.mark.parametrize(
    ("reports", "match"),
    [
        ({"metric": "x.json"}, "unknown key 'metric'; did you mean metrics"),
        ({"metrics": "a", "status": "b"}, "both given"),
        ({"first_epoch": 2}, "first_epoch 2 is not allowed: must be 0 or 1"),
    ],
)
def test_a_source_that_is_not_understood_is_refused(reports, match):
    with pytest.raises(UsageError, match=match):
        ReportSource.from_dict(reports)


@pytest.mark.parametrize(
    ("line", "match"),
    [
        ({"epoch": 1, "kpi": {"score": "0.9"}}, "score is '0.9', which is not a number"),
        ({"epoch": 1, "kpi": {"score": True}}, "score is True, which is not a number"),
        ({"epoch": 1.5, "kpi": {"score": 1}}, "epoch is 1.5, which is not a whole number"),
        ({"epoch": "1", "kpi": {"score": 1}}, "epoch is '1', which is not a whole number"),
        ({"epoch": float("nan"), "kpi": {"score": 1}}, "epoch is nan"),
    ],
)
def test_a_report_that_makes_no_sense_is_refused(tmp_path, line, match):
    (tmp_path / "status.json").write_text(json.dumps(line) + "\n")
    with pytest.raises(ReportError, match=match):
        list(ReportReader(tmp_path, ReportSource(), ["score"]).new())


def test_a_line_that_is_nested_too_deep_is_no_report(tmp_path):
    (tmp_path / "status.json").write_text("[" * 200_000 + "\n")
    append(tmp_path / "status.json", {"epoch": 1, "kpi": {"miou": 0.5}})
    assert list(reader(tmp_path).new()) == [(1, {"miou": 0.5})]


def test_what_is_no_file_is_no_report(tmp_path):
    os.mkfifo(tmp_path / "status.json")
    with pytest.raises(ReportError, match=r"status\.json is no regular file"):
        list(reader(tmp_path).new())
