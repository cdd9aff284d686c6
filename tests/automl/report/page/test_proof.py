import json

import pytest
from made import closed, finish, made_experiment, report, start

from automl.report.page import proof
from automl.trial.budget import Budget


@pytest.fixture
def experiment(tmp_path):
    return made_experiment(tmp_path / "exp", start(0), report(0, 1, 0.5), finish(0), closed())


def html_of(part, experiment):
    return "".join(part(experiment))


def test_without_a_promotion_it_says_so(experiment):
    assert "No model is promoted yet." in html_of(proof.parity, experiment)


def test_a_rejected_model_is_shown_with_its_figures(experiment):
    experiment.paths.rejected.mkdir()
    latency = {"onnx": {"latency_p50_ms": 1.27762149, "latency_load": 1.4}}
    content = {"trial": 0, "is_equal": False, "onnx": 0.25, "latency": latency}
    (experiment.paths.rejected / "parity.json").write_text(json.dumps(content))
    html = html_of(proof.parity, experiment)
    assert "Rejected: trial 0000; the exported model does NOT match the record." in html
    assert "<td>0.25</td>" in html and "<h3>Latency</h3>" in html
    assert "<td>median, ms</td><td>1.278</td>" in html and "<td>within it</td><td>no</td>" in html
    assert "The machine was busy (1.4 processes wanted each core)" in html


def test_failures_that_differ_in_numbers_are_one_cause(tmp_path):
    messages = ("lost 3 of 10", "lost 4 of 10", "other")
    events = [event for n, message in enumerate(messages)
              for event in (start(n), finish(n, "failed", "crashed", message))]  # fmt: skip
    experiment = made_experiment(tmp_path / "exp", *events)
    html = html_of(proof.failures, experiment)
    assert "2 trials: 0000, 0001" in html and "1 trial: 0002" in html


def test_only_the_end_of_a_long_log_is_shown(tmp_path):
    events = (start(0), finish(0, "failed", "crashed"))
    experiment = made_experiment(tmp_path / "exp", *events)
    log = experiment.paths.trial(0) / "log.txt"
    log.parent.mkdir(parents=True)
    log.write_text("\n".join(f"line {n}" for n in range(100_000)))
    html = html_of(proof.failures, experiment)
    assert "line 99999" in html and "line 99980" not in html


def test_a_search_without_a_number_of_trials_does_not_name_one(tmp_path):
    budget = Budget(trials=1_000_000_000, epochs=6, time_s=540.0)
    experiment = made_experiment(tmp_path / "exp", start(0), report(0, 1, 0.5), budget=budget)
    html = html_of(proof.reproduce, experiment)
    assert "1000000000" not in html and str(budget) in html


def test_the_commands_that_reproduce_the_run_are_there(experiment):
    html = html_of(proof.reproduce, experiment)
    assert f"automl reproduce {experiment.paths.root} 0 --check" in html
    assert "The whole spec of trial 0000" in html
