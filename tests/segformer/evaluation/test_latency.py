import json

import pytest
import torch

from segformer.errors import SpecError
from segformer.evaluation.evaluate import evaluate, evaluate_here
from segformer.evaluation.latency import latencies_in_turns, measured_latency
from segformer.model.saved import ModelRecord
from segformer.parallel.topology import Topology
from segformer.spec.sections.evaluate import Latency


@pytest.fixture
def timed(onnx_file, tiny_spec):
    def measure(**options):
        return measured_latency(
            onnx_file,
            otherwise=ModelRecord.of(tiny_spec()),
            device=torch.device("cpu"),
            options=Latency(**options),
        )

    return measure


def test_a_model_is_timed_as_often_as_asked(timed):
    found = timed(runs=7)
    assert (found["latency_runs"], found["latency_batch"]) == (7, 1)
    assert 0 < found["latency_p50_ms"] <= found["latency_p95_ms"]
    mean_ms = 1000 / found["images_per_s"]
    assert found["latency_p50_ms"] / 20 < mean_ms < 20 * found["latency_p95_ms"]
    assert 50 < found["memory_mb"] < 20_000
    assert found["latency_load"] >= 0


def test_models_that_take_turns_are_each_timed(onnx_file, tiny_spec):
    paths, record = [onnx_file, onnx_file], ModelRecord.of(tiny_spec())
    one, other = latencies_in_turns(paths, otherwise=record, rounds=15)
    assert 0 < one < 5 * other < 25 * one


def test_a_larger_batch_takes_longer_and_is_told(timed):
    one, many = timed(runs=9), timed(runs=9, batch_size=64)
    assert many["latency_batch"] == 64
    assert many["latency_p50_ms"] > 2 * one["latency_p50_ms"]


def test_the_best_batch_is_no_slower_than_a_single_image(timed):
    found = timed(runs=9, largest_batch=4)
    assert found["best_batch_size"] in (1, 2, 4)
    assert 0 < found["best_batch_p50_ms"] <= found["best_batch_p95_ms"]
    assert found["best_batch_images_per_s"] >= found["images_per_s"]
    assert not any(name.startswith("best_batch") for name in timed(runs=2))


def test_threads_are_those_asked_for_and_given_back(timed):
    before = torch.get_num_threads()
    assert timed(runs=1, threads=3)["latency_threads"] == 3
    assert torch.get_num_threads() == before
    assert timed(runs=1)["latency_threads"] == before


@pytest.mark.parametrize("kind", ["onnx", "checkpoint"])
def test_evaluate_tells_it_beside_the_scores(tiny_spec, trained, onnx_file, tmp_path, kind):
    model = onnx_file if kind == "onnx" else trained.result.artifacts["best"]
    settings = {"evaluate.checkpoint": str(model), "evaluate.split": "validation"}
    plain = evaluate(tiny_spec(**settings), tmp_path / "plain").metrics
    told = evaluate(tiny_spec(**settings, **{"evaluate.latency.runs": 2}), tmp_path / "timed")
    assert told.metrics.keys() - plain.keys() >= {"latency_p50_ms", "latency_p95_ms", "memory_mb"}
    assert {name: told.metrics[name] for name in plain} == plain
    content = json.loads((tmp_path / "timed" / "results.json").read_text())
    assert content["metrics"]["images_per_s"] == told.metrics["images_per_s"]


def test_processes_that_would_disturb_each_other_are_refused(tiny_spec, onnx_file, tmp_path):
    spec = tiny_spec(**{"evaluate.checkpoint": str(onnx_file), "evaluate.latency.runs": 2})
    two = Topology("cpu", devices=(0, 1))
    with pytest.raises(SpecError, match="evaluate.latency.runs: 2 is not allowed with 2 processes"):
        evaluate_here(spec, tmp_path, two)
