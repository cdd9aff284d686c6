import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from segformer.export.shapes import with_constant_sizes


def model(nodes, constants, output):
    ends = [
        helper.make_tensor_value_info("input", TensorProto.FLOAT, ["batch", 4, 6]),
        helper.make_tensor_value_info("output", TensorProto.FLOAT, output),
    ]
    tensors = [numpy_helper.from_array(np.array(v), name) for name, v in constants.items()]
    graph = helper.make_graph(nodes, "test", ends[:1], ends[1:], tensors)
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(made)
    return made


def flattened(*, own):
    """Return a model that computes the target of its Reshape from its input's sizes."""
    return model(
        [
            helper.make_node("Shape", ["input"], ["sizes"]),
            helper.make_node("Gather", ["sizes", "places"], ["kept"]),
            helper.make_node("Concat", ["kept", "rest"], ["target"], axis=0),
            helper.make_node("Reshape", ["input", "target"], ["output"], name="flat"),
        ],
        {"places": np.array(own), "rest": np.array([-1])},
        [None, None],
    )


def run(made, batch):
    given = np.arange(batch * 24, dtype=np.float32).reshape(batch, 4, 6)
    session = onnxruntime.InferenceSession(made.SerializeToString())
    return session.run(None, {"input": given})[0]


def test_sizes_are_constants_for_any_batch_and_what_computed_them_is_gone():
    before, after = flattened(own=[0]), with_constant_sizes(flattened(own=[0]))
    assert [node.op_type for node in after.graph.node] == ["Reshape"]
    assert [t.name for t in after.graph.initializer] == ["flat/sizes"]
    for batch in (1, 2, 5):
        assert (run(before, batch) == run(after, batch)).all()
        assert run(after, batch).shape == (batch, 24)


def test_a_batch_within_a_larger_size_stays_open():
    before, after = flattened(own=[1]), with_constant_sizes(flattened(own=[1]))
    assert (run(before, 3) == run(after, 3)).all()
    assert run(after, 3).shape == (4, 18)


def test_convolutions_do_constant_padding_with_zeros_themselves():
    kernel = np.arange(9, dtype=np.float32).reshape(1, 1, 3, 3)
    for value, kept in ((0.0, []), (1.0, ["Pad"])):
        made = model(
            [
                helper.make_node("Unsqueeze", ["input", "one"], ["maps"]),
                helper.make_node("Mul", ["half", "two"], ["pads"]),
                helper.make_node("Pad", ["maps", "pads", "value"], ["padded"]),
                helper.make_node("Conv", ["padded", "kernel"], ["output"], strides=[2, 2],
                                 pads=[0, 1, 0, 0]),
            ],
            {"one": np.array([1]), "half": np.array([0, 0, 0, 1, 0, 0, 1, 2]),
             "two": np.array(2), "value": np.float32(value), "kernel": kernel},
            [None, None, None, None],
        )  # fmt: skip
        after = with_constant_sizes(made)
        assert [node.op_type for node in after.graph.node if node.op_type != "Mul"] == [
            "Unsqueeze", *kept, "Conv",
        ]  # fmt: skip
        assert (run(made, 2) == run(after, 2)).all()


def test_an_exported_model_computes_no_sizes(onnx_file):
    operators = {node.op_type for node in onnx.load(onnx_file).graph.node}
    assert "Reshape" in operators and operators.isdisjoint({"Shape", "Gather", "Concat", "Slice"})
