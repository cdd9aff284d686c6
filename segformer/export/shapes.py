"""An ONNX graph without its computations of sizes, which are constant except for the batch.

This removes two thirds of the nodes, and lets ONNX Runtime upsample in the memory layout of its
convolutions: MiT-B0 at 256 px takes 0.84 of the time on one core. Paddings become part of the
convolutions that read them, in 8 bits too.
"""

from collections.abc import Sequence

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import GraphProto, ModelProto, NodeProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

_BATCHES = (2, 3)
"""A size that is equal for both batches does not depend on the batch."""

Sizes = dict[str, tuple[int, ...]]


def with_constant_sizes(model: ModelProto) -> ModelProto:
    """Return an equal graph whose Reshape, Resize and Pad nodes have constant sizes.

    Convolutions do the padding with zeros themselves. The first dimension of the model's input is
    the open batch; the others are fixed. A node whose sizes do not follow from them is unchanged.
    """
    result = ModelProto()
    result.CopyFrom(model)
    _pad_in_convolutions(result)
    _drop_unused(result.graph)
    first, second = (_sizes(result, batch) for batch in _BATCHES)
    for node in result.graph.node:
        if node.op_type == "Reshape":
            _set_input(result.graph, node, 1, _target(node, first, second))
        elif node.op_type == "Resize" and len(node.input) == 4:
            _set_input(result.graph, node, 2, _scales(node, first))
    _drop_unused(result.graph)
    return result


def _pad_in_convolutions(model: ModelProto) -> None:
    """Have convolutions do the padding of their input, if it is constant, with zeros and beside."""
    makers = {name: node for node in model.graph.node for name in node.output}
    for node in model.graph.node:
        pad = makers.get(node.input[0]) if node.op_type == "Conv" else None
        pads = _zeros_around(pad, model) if pad is not None and pad.op_type == "Pad" else None
        if pad is None or pads is None:
            continue
        for own in [each for each in node.attribute if each.name == "pads"]:
            pads = pads + np.array(own.ints)
            node.attribute.remove(own)
        node.attribute.append(helper.make_attribute("pads", pads.tolist()))
        node.input[0] = pad.input[0]


def _zeros_around(pad: NodeProto, model: ModelProto) -> NDArray[np.int64] | None:
    """Return the zeros that a Pad puts above, before, below and behind maps, if it does no more."""
    if any(each.name == "mode" and each.s != b"constant" for each in pad.attribute):
        return None
    filling = [name for name in pad.input[1:] if name]
    values = [_constant(name, model) for name in filling]
    if any(value is None for value in values) or any(np.any(value) for value in values[1:]):
        return None
    ends = np.asarray(values[0], dtype=np.int64).reshape(2, -1)
    return None if ends[:, :2].any() else ends[:, 2:].ravel()


def _constant(name: str, model: ModelProto) -> NDArray[np.generic] | None:
    """Return the value of a tensor that depends on constants alone, None of any other."""
    graph = model.graph
    needed, made, nodes = {name}, {tensor.name for tensor in graph.initializer}, []
    for node in reversed(graph.node):
        if needed.intersection(node.output):
            nodes.append(node)
            needed.update(filter(None, node.input))
            made.update(node.output)
    if needed - made:
        return None
    tensors = [tensor for tensor in graph.initializer if tensor.name in needed]
    outputs = [helper.make_empty_tensor_value_info(name)]
    part = helper.make_graph(nodes[::-1], "constant", [], outputs, tensors)
    computed = helper.make_model(part, opset_imports=model.opset_import)
    (value,) = ReferenceEvaluator(computed).run(None, {})
    return np.asarray(value)


def _sizes(model: ModelProto, batch: int) -> Sizes:
    """Return the sizes of the tensors for a given batch, as far as they can be inferred."""
    fixed = ModelProto()
    fixed.CopyFrom(model)
    for value in (*fixed.graph.input, *fixed.graph.output):
        value.type.tensor_type.shape.dim[0].dim_value = batch
    graph = onnx.shape_inference.infer_shapes(fixed, data_prop=True).graph
    sizes = {}
    for value in (*graph.value_info, *graph.input, *graph.output):
        dimensions = value.type.tensor_type.shape.dim
        if all(dimension.HasField("dim_value") for dimension in dimensions):
            sizes[value.name] = tuple(dimension.dim_value for dimension in dimensions)
    return sizes


def _target(node: NodeProto, first: Sizes, second: Sizes) -> NDArray[np.int64] | None:
    """Return the target sizes of a Reshape with -1 for the batch, or None if two depend on it."""
    name = node.output[0]
    pairs = list(zip(first.get(name, ()), second.get(name, ()), strict=False))
    if not pairs or sum(one != other for one, other in pairs) > 1:
        return None
    return np.array([one if one == other else -1 for one, other in pairs], dtype=np.int64)


def _scales(node: NodeProto, sizes: Sizes) -> NDArray[np.float32] | None:
    """Return the factors of a Resize, or None if they are not whole numbers."""
    before, after = sizes.get(node.input[0], ()), sizes.get(node.output[0], ())
    pairs = list(zip(before, after, strict=False))
    if not pairs or any(large % small for small, large in pairs):
        return None
    return np.array([large // small for small, large in pairs], dtype=np.float32)


def _set_input(
    graph: GraphProto, node: NodeProto, place: int, value: NDArray[np.generic] | None
) -> None:
    """Replace the inputs of a node from `place` on by one constant."""
    if value is not None:
        constant = numpy_helper.from_array(value, f"{node.name}/sizes")
        graph.initializer.append(constant)
        del node.input[place:]
        node.input.append(constant.name)


def _drop_unused(graph: GraphProto) -> None:
    """Remove nodes and constants on which no output depends."""
    needed, kept = {value.name for value in graph.output}, []
    for node in reversed(graph.node):
        if not needed.isdisjoint(node.output):
            needed.update(node.input)
            kept.append(node)
    _replace(graph.node, kept[::-1])
    _replace(graph.initializer, [t for t in graph.initializer if t.name in needed])
    del graph.value_info[:]


def _replace(field: object, content: Sequence[object]) -> None:
    del field[:]  # type: ignore[attr-defined]
    field.extend(content)  # type: ignore[attr-defined]
