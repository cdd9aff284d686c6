import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from experiments.int8 import _shares


def test_the_time_of_a_graph_is_told_by_kinds_of_nodes(tmp_path):
    ends = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", 3, 8, 8])
        for name in ("input", "output")
    ]
    weight = numpy_helper.from_array(np.ones((3, 3, 1, 1), np.float32), "w")
    nodes = [
        helper.make_node("Sin", ["input"], ["s"]),
        helper.make_node("Conv", ["s", "w"], ["output"]),
    ]
    graph = helper.make_graph(nodes, "g", ends[:1], ends[1:], [weight])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, tmp_path / "m.onnx")
    times = _shares(tmp_path / "m.onnx", runs=3)
    assert {"Sin", "Conv"} <= set(times) and min(times.values()) >= 0
