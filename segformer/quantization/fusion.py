"""A graph made ready for 8 bits on the CPU: what ONNX Runtime fuses stays whole.

With Quantize- and DequantizeLinear between them the parts of a GELU are no longer recognised, and a
quantized softmax takes six times as long as one in 32 bits.
"""

from pathlib import Path

import onnx
import onnxruntime
from onnx import GraphProto, NodeProto

QUANTIZED = ["Conv", "MatMul", "Gemm", "Add"]
"""Convolutions and products, and the sums that add their biases; see `left_in_32_bits`."""


def write_fused(source: Path, target: Path) -> None:
    """Write a graph with ONNX Runtime's own operators in place of what they stand for."""
    options = onnxruntime.SessionOptions()
    # The level above changes layouts for this machine's cores.
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    options.optimized_model_filepath = str(target)
    options.log_severity_level = 3
    onnxruntime.InferenceSession(str(source), options, providers=["CPUExecutionProvider"])
    fused, plain = onnx.load(str(target)), onnx.load(str(source))
    # onnx cannot infer what these operators give; tensors that the quantizer knows no type of are
    # left out. Their names are those of before.
    made = {name for node in fused.graph.node for name in node.output}
    del fused.graph.value_info[:]
    known = onnx.shape_inference.infer_shapes(plain, data_prop=True).graph.value_info
    fused.graph.value_info.extend(value for value in known if value.name in made)
    onnx.save(fused, str(target))


def left_in_32_bits(graph: GraphProto) -> list[str]:
    """Return the nodes of `QUANTIZED` kinds that lose more in 8 bits than they win.

    Products of two activations (attention), and sums of two activations, which carry the network's
    residuals.
    """
    constants = {tensor.name for tensor in graph.initializer}
    return [
        node.name
        for node in graph.node
        if node.op_type in QUANTIZED and not _has_constant(node, constants)
    ]


def renamed(excluded: list[str], graph: GraphProto) -> list[str]:
    """Return the nodes that excluded ones became: what is fused has a name with more behind it."""
    names = set(excluded)

    def is_excluded(name: str) -> bool:
        parts = name.rstrip("/").split("/")
        return any("/".join(parts[:count]) in names for count in range(1, len(parts) + 1))

    return [node.name for node in graph.node if is_excluded(node.name)]


def _has_constant(node: NodeProto, constants: set[str]) -> bool:
    inputs = node.input if node.op_type == "Add" else node.input[1:2]
    return any(name in constants for name in inputs)
