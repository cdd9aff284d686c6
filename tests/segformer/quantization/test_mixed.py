import numpy as np
import onnxruntime
import pytest

from segformer.quantization.mixed import layer_of
from segformer.quantization.qdq import QdqSettings, quantized_graph

IMAGE = np.random.default_rng(0).normal(size=(1, 3, 32, 32)).astype(np.float32)


@pytest.fixture(scope="module")
def mixed(onnx_file, tiny_data):
    images = sorted((tiny_data / "images/train").iterdir())[:2]
    return quantized_graph(onnx_file, images, QdqSettings(keeps_activations=True))


def logits(model):
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    return session.run(None, {"input": IMAGE})[0]


def rounded(model):
    return [node.name for node in model.graph.node if node.op_type == "QuantizeLinear"]


def test_with_all_layers_back_in_32_bits_nothing_is_rounded(mixed):
    graph = mixed.restored(mixed.layers)
    assert rounded(graph) == []
    assert np.abs(logits(graph) - logits(mixed.plain)).max() < 1e-5


def test_one_layer_alone_in_8_bits_changes_less_than_all(mixed):
    layer = mixed.layers[0]
    plain, graph = logits(mixed.plain), mixed.alone(layer)
    assert 0 < len(rounded(graph)) < len(rounded(mixed.restored(())))
    one, every = (np.abs(logits(g) - plain).mean() for g in (graph, mixed.restored(())))
    assert 0 < one < every


def test_outputs_are_not_rounded_to_8_bits(mixed):
    graph = mixed.restored(()).graph
    makers = {name: node.op_type for node in graph.node for name in node.output}
    assert makers[graph.output[0].name] not in ("DequantizeLinear", "QuantizeLinear")


@pytest.mark.parametrize(
    ("node", "layer"),
    [("/0/a/b/MatMul", "/0/a/b"), ("/0/a/b/MatMul/Fused/", "/0/a/b/MatMul"), ("Conv_3", "Conv_3")],
)
def test_the_layer_of_a_node_is_its_module(node, layer):
    assert layer_of(node) == layer
