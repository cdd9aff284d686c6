import json

import pytest

from segformer.errors import RejectedError
from segformer.quantization.qdq import QdqSettings
from segformer.quantization.quantize import _is_faster, quantize
from segformer.quantization.sensitivity import (
    Classes,
    _in_order,
    best,
    candidates,
    chosen,
    fewest,
)


@pytest.fixture
def choose(onnx_file, tiny_data):
    def call(drop, target_drop=0.5, **settings):
        train, val = (
            sorted((tiny_data / "images" / name).iterdir())[:2] for name in ("train", "val")
        )
        return chosen(
            onnx_file, train, val, settings=QdqSettings(**settings), target_drop=target_drop,
            drop=drop,
        )  # fmt: skip

    return call


def rounded(graph):
    return sum(node.op_type == "QuantizeLinear" for node in graph.graph.node)


def test_the_most_sensitive_layers_go_back_until_the_drop_is_small_enough(choose):
    seen = []

    def drop(graph):
        seen.append(rounded(graph))
        return seen[-1] / seen[0]  # The first graph has all layers in 8 bits.

    choice = choose(drop, target_drop=0.9)
    shares = list(choice.sensitivity.values())
    assert shares == sorted(shares, reverse=True)
    assert choice.restored == tuple(choice.sensitivity)[: len(choice.restored)]
    assert 0 < rounded(choice.graph) <= 0.9 * seen[0]
    assert choice.note.startswith(
        f"{len(choice.restored)} of {len(choice.mixed.layers)} layers stay in 32"
    )


def test_a_model_that_no_layer_may_be_quantized_of_is_refused(choose):
    with pytest.raises(
        RejectedError, match=r"target_drop 0\.5 leaves no layer in 8 bits; the most"
    ):
        choose(lambda graph: 1.0, layers=[("*head*", True)])  # The others would take 10 s.


@pytest.mark.parametrize("enough", [1, 2, 3, 7, 8, 12, 13])
def test_the_fewest_that_are_enough_are_found(enough):
    assert fewest(13, lambda count: count >= enough) == enough


def test_what_was_chosen_and_how_fast_it_is_stands_in_the_results(quantizing, tmp_path):
    result = quantize(quantizing(**{"quantize.target_drop": 0.5}), tmp_path)
    assert "layers_in_8_bits" in result.metrics
    before, after = result.metrics["latency_ms_before"], result.metrics["latency_ms"]
    assert result.metrics["speedup"] == pytest.approx(before / after) and after > 0
    assert result.metrics["miou_drop"] <= 0.5
    precision = json.loads(result.artifacts["precision"].read_text())
    assert precision["algorithm"] == "minmax" and 0 <= precision["changed_pixels"]["minmax"] < 1


def test_the_head_is_left_in_32_bits_as_a_whole_where_that_is_faster(choose, quantizing):
    choice = choose(lambda graph: 0.0)
    faster = choice.with_head_in_32_bits
    head = [layer for layer in choice.mixed.layers if layer.startswith("/0/head")]
    assert choice.restored == () and list(faster.restored) == head
    assert 0 < rounded(faster.graph) < rounded(choice.graph)
    assert not _is_faster(quantizing(), choice.graph, choice.graph)
    assert faster.to_dict()["in_32_bits"] == head


def test_with_a_target_the_faster_graph_is_tried_first():
    changed = {"a": 0.3, "a, residuals in 8 bits": 0.4, "b": 0.1, "b, residuals in 8 bits": 0.2}
    assert _in_order(changed, is_fast_first=True) == ["b, residuals in 8 bits", "b"]
    assert _in_order(changed, is_fast_first=False) == ["b"]
    assert _in_order({"a": 0.3}, is_fast_first=True) == ["a"]


def test_ranges_are_those_that_change_the_fewest_pixels(quantizing, tmp_path):
    # Of few layers, as each of nine graphs takes seconds to make.
    few = {"quantize.algorithm": "auto", "quantize.layers": [{"module_name": "*classifier*"}]}
    result = quantize(quantizing(**few), tmp_path)
    precision = json.loads(result.artifacts["precision"].read_text())
    changed = precision["changed_pixels"]
    assert len(changed) == 9 and changed[precision["algorithm"]] == min(changed.values())


@pytest.mark.slow
def test_residuals_are_in_8_bits_only_where_the_target_allows_it(onnx_file, tiny_data):
    train, val = (sorted((tiny_data / "images" / name).iterdir())[:2] for name in ("train", "val"))
    settings = QdqSettings(algorithm="auto", keeps_activations=True)
    graphs, classes = candidates(onnx_file, train, settings), Classes(onnx_file, val)

    def choose(drop):
        return best(graphs, classes, target_drop=0.5, drop=drop)

    first = choose(lambda graph: 0.0)
    assert first.algorithm.endswith("residuals in 8 bits")
    count = rounded(first.graph)
    second = choose(lambda graph: float(rounded(graph) == count))
    assert not second.algorithm.endswith("residuals in 8 bits") and not second.restored
    assert rounded(second.graph) != count
    free = best(graphs, classes, target_drop=None, drop=lambda graph: 0.0)
    assert free.changed[free.algorithm] == min(free.changed.values())
