import pytest

from segformer.export.costs import measure
from segformer.model.segformer import build
from segformer.spec import parse

SPEC = {
    "model": {"backbone": {"type": "mit_b0"}},
    "dataset": {"segment": {"img_size": 64, "batch_size": 2}},
}


def spec_with(**segment):
    return parse({**SPEC, "dataset": {"segment": {**SPEC["dataset"]["segment"], **segment}}})


def test_parameters_are_those_of_the_network():
    spec = spec_with()
    network = build(spec.model, num_classes=spec.dataset.segment.num_classes)
    count = sum(p.numel() for p in network.parameters())
    assert measure(spec, ["parameters"]) == {"parameters": count}


def test_operations_grow_with_the_area_and_memory_with_the_batch():
    small, large = spec_with(), spec_with(img_size=128)
    few, many = measure(small, ["gflops"]), measure(large, ["gflops"])
    assert many["gflops"] == pytest.approx(4 * few["gflops"], rel=0.1)
    names = ["memory_mb", "memory_limit_mb"]
    one, two, four = (measure(spec_with(batch_size=n), names) for n in (1, 2, 4))
    step = two["memory_mb"] - one["memory_mb"]
    assert four["memory_mb"] - two["memory_mb"] == pytest.approx(2 * step, rel=0.1)
    assert 0 < step < one["memory_mb"] < one["memory_limit_mb"]


def test_latency_is_that_of_the_exported_model():
    assert 0 < measure(spec_with(), ["latency_ms"])["latency_ms"] < 5000
