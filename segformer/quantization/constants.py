"""Constants of an ONNX graph, worked out: a quantized weight is kept as the 8 bits that it is."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import ModelProto, NodeProto, helper, numpy_helper

Array = NDArray[Any]


def with_constants_folded(model: ModelProto) -> ModelProto:
    """Return the same graph with all that is constant in its Q/DQ as initializers.

    Constant nodes become initializers, casts of constants are done, and so is QuantizeLinear of a
    constant: weights are then int8 in the file, a quarter of their size.
    """
    result = ModelProto()
    result.CopyFrom(model)
    graph = result.graph
    known = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    kept = []
    for node in graph.node:
        value = _value(node, known)
        if value is None:
            kept.append(node)
        else:
            known[node.output[0]] = value
    used = {name for node in kept for name in node.input} | {o.name for o in graph.output}
    del graph.node[:], graph.initializer[:], graph.value_info[:]
    graph.node.extend(kept)
    graph.initializer.extend(
        numpy_helper.from_array(value, name) for name, value in known.items() if name in used
    )
    return result


def _value(node: NodeProto, known: dict[str, Array]) -> Array | None:
    """Return what a node gives, where that is known."""
    attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}
    if node.op_type == "Constant" and "value" in attributes:
        return numpy_helper.to_array(attributes["value"])
    if not node.input or any(name not in known for name in node.input):
        return None
    given = [known[name] for name in node.input]
    if node.op_type == "Cast":
        return given[0].astype(helper.tensor_dtype_to_np_dtype(attributes["to"]))
    if node.op_type == "QuantizeLinear":
        return _quantized(*given, axis=attributes.get("axis", 1))
    return None


def _quantized(values: Array, scale: Array, zero: Array, *, axis: int) -> Array:
    shape = [1] * values.ndim
    if scale.ndim:
        shape[axis] = -1
    limits = np.iinfo(zero.dtype)
    steps = np.rint(values / scale.reshape(shape)) + zero.reshape(shape)
    whole: Array = np.clip(steps, limits.min, limits.max).astype(zero.dtype)
    return whole
