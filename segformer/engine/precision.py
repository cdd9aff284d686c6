"""Half precision, written into an ONNX graph as casts.

Strongly typed TensorRT (RTX, and 11 onwards) has no precision flags: it computes every layer in
the types of the file. So the types in the file are changed. The nodes are visited in order, and
each gets its floating-point inputs in its own precision: a constant as a converted copy, an
activation through a Cast node, which all nodes that need the same conversion share. Inputs and
outputs of the graph stay fp32, so that callers see no difference.
"""

import fnmatch
from collections.abc import Iterable, Mapping

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

from segformer.errors import SpecError

TYPES = {"fp32": TensorProto.FLOAT, "fp16": TensorProto.FLOAT16, "bf16": TensorProto.BFLOAT16}
_FLOAT16_MAX = float(np.finfo(np.float16).max)
_FLOAT_INPUTS = {"Resize": (0,), "QuantizeLinear": (), "DequantizeLinear": (), "Cast": ()}
"""Operators with inputs whose type must not change, such as scales: the inputs that may."""
_FLOAT32_OUTPUTS = ("DequantizeLinear",)


def cast_to(
    model: ModelProto, precision: str, *, layers: Mapping[str, str] | None = None
) -> ModelProto:
    """Return a graph that computes in fp16 or bf16; input and output stay fp32.

    Args:
        model: A graph in fp32, types and shapes inferred.
        precision: fp16 or bf16.
        layers: Patterns of node names with the precision of these nodes; the last match wins.

    Raises:
        SpecError: A pattern that matches no node.
    """
    precisions = {node.name: precision for node in model.graph.node}
    for pattern, other in (layers or {}).items():
        matched = fnmatch.filter(precisions, pattern)
        if not matched:
            raise SpecError(
                f"gen_trt_engine.tensorrt.layers_precision: {pattern!r} matches no layer of the"
                f" model; its layers are named like {', '.join(list(precisions)[:3])}"
            )
        precisions |= dict.fromkeys(matched, other)
    return _Caster(model, precisions).run()


class _Caster:
    """Rewrites one graph; `_types` holds the precision of each floating-point tensor so far."""

    def __init__(self, model: ModelProto, precisions: Mapping[str, str]) -> None:
        self._model = ModelProto()
        self._model.CopyFrom(model)
        self._graph = self._model.graph
        self._precisions = precisions
        self._constants = {tensor.name: tensor for tensor in self._graph.initializer}
        self._types = {
            value.name: "fp32"
            for value in self._graph.input
            if value.type.tensor_type.elem_type == TensorProto.FLOAT
        } | {
            name: "fp32"
            for name, tensor in self._constants.items()
            if tensor.data_type == TensorProto.FLOAT
        }
        self._float = set(self._types) | _float_tensors(model)
        self._casts: dict[tuple[str, str], str] = {}
        self._nodes: list[NodeProto] = []

    def run(self) -> ModelProto:
        for node in list(self._graph.node):
            self._convert(node)
        self._restore_outputs()
        del self._graph.node[:]
        self._graph.node.extend(self._nodes)
        used = {name for node in self._nodes for name in node.input}
        kept = [t for t in self._graph.initializer if t.name in used]
        del self._graph.initializer[:]
        self._graph.initializer.extend(kept)
        # The inferred types of the tensors in between are no longer true.
        del self._graph.value_info[:]
        onnx.checker.check_model(self._model)
        return self._model

    def _convert(self, node: NodeProto) -> None:
        precision = self._precisions[node.name]
        places = _FLOAT_INPUTS.get(node.op_type, tuple(range(len(node.input))))
        for place in places:
            name = node.input[place]
            if name in self._types and self._types[name] != precision:
                node.input[place] = self._cast(name, precision)
        self._retype(node, precision)
        self._nodes.append(node)
        result = "fp32" if node.op_type in _FLOAT32_OUTPUTS else precision
        for name in node.output:
            if name in self._float:
                self._types[name] = result

    def _retype(self, node: NodeProto, precision: str) -> None:
        """Change the types in a node's attributes: constants, and casts to fp32."""
        for attribute in node.attribute:
            if attribute.name == "value" and attribute.t.data_type == TensorProto.FLOAT:
                attribute.t.CopyFrom(_tensor(numpy_helper.to_array(attribute.t), "", precision))
            elif attribute.name == "to" and attribute.i == TensorProto.FLOAT:
                attribute.i = TYPES[precision]

    def _cast(self, name: str, precision: str) -> str:
        if (name, precision) not in self._casts:
            result = f"{name}_{precision}"
            self._casts[name, precision] = result
            if name in self._constants:
                values = numpy_helper.to_array(self._constants[name])
                self._graph.initializer.append(_tensor(values, result, precision))
            else:
                node = helper.make_node(
                    "Cast", [name], [result], name=f"Cast_{result}", to=TYPES[precision]
                )
                self._nodes.append(node)
        return self._casts[name, precision]

    def _restore_outputs(self) -> None:
        """Rename each output that is no longer fp32, and cast it back under its old name."""
        for value in self._graph.output:
            if self._types.get(value.name, "fp32") == "fp32":
                continue
            inner = f"{value.name}_{self._types[value.name]}"
            for node in self._nodes:
                for names in (node.input, node.output):
                    for place, name in enumerate(names):
                        if name == value.name:
                            names[place] = inner
            self._nodes.append(
                helper.make_node(
                    "Cast", [inner], [value.name], name=f"Cast_{value.name}", to=TensorProto.FLOAT
                )
            )


def _float_tensors(model: ModelProto) -> set[str]:
    inferred = onnx.shape_inference.infer_shapes(model)
    values: Iterable[onnx.ValueInfoProto] = (*inferred.graph.value_info, *inferred.graph.output)
    return {v.name for v in values if v.type.tensor_type.elem_type == TensorProto.FLOAT}


def _tensor(values: NDArray[np.float32], name: str, precision: str) -> TensorProto:
    if precision == "bf16":
        flat = values.astype(np.float32).flatten().tolist()
        return helper.make_tensor(name, TensorProto.BFLOAT16, values.shape, flat)
    # Values beyond the range of fp16 would become infinite, and infinity times zero NaN.
    bounded = np.clip(values, -_FLOAT16_MAX, _FLOAT16_MAX).astype(np.float16)
    return numpy_helper.from_array(bounded, name)
