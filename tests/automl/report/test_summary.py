import json

import pytest
from made import closed, finish, made_experiment, promoted, report, start

from automl.report.summary import summary

SEARCHED = (
    start(0, {"lr": 0.1}), report(0, 1, 0.2), finish(0),
    start(1, {"lr": 0.5}), report(1, 1, 0.6), finish(1, "stopped"),
)  # fmt: skip


def test_the_best_is_compared_with_the_defaults(tmp_path):
    text = summary(made_experiment(tmp_path / "exp", *SEARCHED, closed()))
    assert "best: trial 0001, score 0.6000 at epoch 1 (+0.4000 against the defaults)" in text
    assert "lr  0.5  (default 0.1)" in text


@pytest.mark.parametrize(
    ("event", "state", "next_step"),
    [([], "interrupted", "automl resume"), ([closed("failed")], "failed", "automl resume"),
     ([closed()], "finished", "automl report")],
)  # fmt: skip
def test_it_ends_with_the_next_command(tmp_path, event, state, next_step):
    lines = summary(made_experiment(tmp_path / "exp", *SEARCHED, *event)).splitlines()
    assert lines[0].endswith(f": {state}")
    assert lines[-1].startswith(f"next: {next_step}")


def test_a_server_of_mlflow_is_linked_and_a_database_opened_by_a_command(tmp_path):
    experiment = made_experiment(tmp_path / "exp", *SEARCHED, closed(), tracker="mlflow")
    assert summary(experiment).splitlines()[-1].startswith("next: automl ui ")
    place = {"store": "http://host:5000", "compare": "#/compare-runs?runs=1"}
    experiment.paths.mlflow.write_text(json.dumps(place))
    assert "compare the trials: http://host:5000/#/compare-runs?runs=1" in summary(experiment)


def test_the_most_important_parameters_are_listed(tmp_path):
    experiment = made_experiment(tmp_path / "exp", *SEARCHED, closed())
    experiment.paths.importance.write_text(json.dumps({"lr": 0.75, "width": 0.25}))
    hint = "parameter importance (a hint, from 2 trials): lr 75%, width 25%"
    assert hint in summary(experiment)


def test_a_promotion_is_told_with_parity_conversion_and_registry(tmp_path):
    promotion = {
        "trial": 1, "onnx": "promoted/model.onnx", "test": {"score": 0.5},
        "parity": {
            "metric": "score", "checkpoint": 0.6, "onnx": 0.6, "difference": 0.0,
            "tolerance": 0.001, "latency": {"onnx": {"latency_p50_ms": 1.25}},
            "int8": {"file": "int8/m.onnx", "value": 0.59, "drop": 0.01},
            "engine": {"file": "engine/m", "value": None, "not_measured": "no GPU"},
        },
        "registry": {"name": "toy", "alias": "champion", "version": "2", "why": "the first"},
    }  # fmt: skip
    event = {"event": "promoted", "promotion": promotion}
    text = summary(made_experiment(tmp_path / "exp", *SEARCHED, event, closed()))
    assert "int8: int8/m.onnx, score 0.590000, -1.0e-02" in text
    assert "engine: engine/m, not measured: no GPU" in text
    assert "median latency: onnx 1.2 ms" in text
    assert "registered: models:/toy@champion, version 2 (the first)" in text


@pytest.mark.parametrize(("number", "value", "has_line"), [(0, "0.1", True), (1, "0.5", False)])
def test_the_values_are_those_of_the_promoted_trial(tmp_path, number, value, has_line):
    text = summary(made_experiment(tmp_path / "exp", *SEARCHED, promoted(number), closed()))
    assert f"values of trial {number:04d}:\n  lr  {value}" in text
    chosen = "chosen: trial 0000, score 0.2000 at epoch 1 (-0.4000 against the best)"
    assert (chosen in text) is has_line
    assert "best: trial 0001, score 0.6000" in text


def test_after_a_finished_run_the_report_is_next(tmp_path):
    experiment = made_experiment(tmp_path / "exp", *SEARCHED, closed())
    experiment.paths.report.touch()
    last = summary(experiment).splitlines()[-1]
    assert last == f"next: open {experiment.paths.report} in a browser"


def test_the_last_lines_are_the_best_the_model_and_the_next_command(tmp_path):
    test = {f"test_{m}_class{c}": 0.5 for m in ("iou", "f1") for c in range(30)}
    promotion = {
        "trial": 1, "onnx": "promoted/model.onnx", "test": test,
        "parity": {"metric": "score", "checkpoint": 0.6, "onnx": 0.6, "difference": 0.0,
                   "tolerance": 0.001},
    }  # fmt: skip
    event = {"event": "promoted", "promotion": promotion}
    text = summary(made_experiment(tmp_path / "exp", *SEARCHED, event, closed()))
    last = text.splitlines()[-12:]
    assert any(line.startswith("best: ") for line in last)
    assert any(line.startswith("promoted: ") for line in last)
    assert last[-1].startswith("next: ")


def test_of_many_trials_the_best_and_the_defaults_are_listed(tmp_path):
    many = [
        event
        for n in range(40)
        for event in (start(n, {"lr": n}), report(n, 1, n / 100), finish(n))
    ]
    lines = summary(made_experiment(tmp_path / "exp", *many, closed())).splitlines()
    assert lines[3].split()[1] == "0039" and "and 19 more: " in "\n".join(lines)
    assert any("0000 (defaults)" in line for line in lines)
