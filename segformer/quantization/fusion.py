"""Prepares a graph for 8 bits on the CPU, so that ONNX Runtime's fused operators stay fused.

ONNX Runtime recognises GELU and other operators by the pattern of their parts. It fuses them when
it loads a model, but QuantizeLinear and DequantizeLinear between the parts hide the patterns. So
the order here is: fuse, save the fused graph, then quantize only the operators that gain from it.
A quantized softmax, for one, takes six times as long as one in 32 bits.
"""

from pathlib import Path

import onnx
from onnx import GraphProto, NodeProto

from segformer.model.onnx_runtime import onnxruntime

QUANTIZED = ["Conv", "MatMul", "Gemm", "Add"]
"""Convolutions, products, and the sums that add their biases; see `left_in_32_bits`."""


def write_fused(source: Path, target: Path) -> None:
    """Write a graph with patterns replaced by ONNX Runtime's own operators."""
    options = onnxruntime.SessionOptions()
    # The next level up changes memory layouts for the cores of this machine.
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    options.optimized_model_filepath = str(target)
    options.log_severity_level = 3
    onnxruntime.InferenceSession(
        str(source),
        options,
        providers=["CPUExecutionProvider"],
        # A convolution fused with its activation has no kernel for 8 bits; of a quantized one, the
        # activation is part of the rounding.
        disabled_optimizers=["ConvActivationFusion"],
    )
    fused, plain = onnx.load(str(target)), onnx.load(str(source))
    # The quantizer skips tensors of unknown type, and onnx cannot infer the outputs of these
    # operators. Fusing keeps the names of the outputs, so the types come from the plain graph.
    outputs = {name for node in fused.graph.node for name in node.output}
    del fused.graph.value_info[:]
    inferred = onnx.shape_inference.infer_shapes(plain, data_prop=True).graph.value_info
    fused.graph.value_info.extend(value for value in inferred if value.name in outputs)
    onnx.save(fused, str(target))


def left_in_32_bits(graph: GraphProto, *, keeps_residuals: bool = True) -> list[str]:
    """Return the nodes of `QUANTIZED` kinds that cost more accuracy in 8 bits than they save time.

    These have no constant input: products of two activations (attention), and, unless
    `keeps_residuals` is false, sums of two activations, which carry the residual stream.
    """
    constants = {tensor.name for tensor in graph.initializer}
    return [
        node.name
        for node in graph.node
        if node.op_type in QUANTIZED
        and not _has_constant(node, constants)
        and (keeps_residuals or node.op_type != "Add")
    ]


def renamed(excluded: list[str], graph: GraphProto) -> list[str]:
    """Return the nodes of the fused graph that stand for excluded nodes of the plain one.

    A fused node has the name of a part, extended by further components: /a/b became /a/b/Fused.
    """
    names = set(excluded)

    def is_excluded(name: str) -> bool:
        parts = name.rstrip("/").split("/")
        return any("/".join(parts[:count]) in names for count in range(1, len(parts) + 1))

    return [node.name for node in graph.node if is_excluded(node.name)]


def _has_constant(node: NodeProto, constants: set[str]) -> bool:
    inputs = node.input if node.op_type == "Add" else node.input[1:2]
    return any(name in constants for name in inputs)
