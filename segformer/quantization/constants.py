"""Constant folding of quantized weights in an ONNX graph.

A tracer writes a quantized weight as a 32-bit constant that QuantizeLinear converts at run time:
the file has the size of 32 bits. Folding computes these nodes once, for the file.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import ModelProto, NodeProto, helper, numpy_helper

Array = NDArray[Any]


def with_constants_folded(model: ModelProto) -> ModelProto:
    """Return an equal graph with the constant inputs of its Q/DQ nodes as initializers.

    Folds Constant, Cast of a constant and QuantizeLinear of a constant. Weights are then int8 in
    the file, a quarter of their size. DequantizeLinear stays: it marks the layer as quantized.
    """
    result = ModelProto()
    result.CopyFrom(model)
    graph = result.graph
    constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    kept = []
    for node in graph.node:
        value = _value(node, constants)
        if value is None:
            kept.append(node)
        else:
            constants[node.output[0]] = value
    used = {name for node in kept for name in node.input} | {o.name for o in graph.output}
    del graph.node[:], graph.initializer[:], graph.value_info[:]
    graph.node.extend(kept)
    graph.initializer.extend(
        numpy_helper.from_array(value, name) for name, value in constants.items() if name in used
    )
    return result


def _value(node: NodeProto, constants: dict[str, Array]) -> Array | None:
    """Return the output of a node, or None if it is not constant."""
    attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}
    if node.op_type == "Constant" and "value" in attributes:
        return numpy_helper.to_array(attributes["value"])
    if not node.input or any(name not in constants for name in node.input):
        return None
    inputs = [constants[name] for name in node.input]
    if node.op_type == "Cast":
        return inputs[0].astype(helper.tensor_dtype_to_np_dtype(attributes["to"]))
    if node.op_type == "QuantizeLinear":
        return _quantized(*inputs, axis=attributes.get("axis", 1))
    return None


def _quantized(values: Array, scale: Array, zero: Array, *, axis: int) -> Array:
    # A vector of scales holds one for each slice along `axis`, a scalar one for the whole tensor.
    shape = [1] * values.ndim
    if scale.ndim:
        shape[axis] = -1
    limits = np.iinfo(zero.dtype)
    steps = np.rint(values / scale.reshape(shape)) + zero.reshape(shape)
    whole: Array = np.clip(steps, limits.min, limits.max).astype(zero.dtype)
    return whole
