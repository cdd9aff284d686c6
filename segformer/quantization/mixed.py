"""Mixed precision: an int8 graph in which single layers are put back into 32 bits.

A layer is a module of the network: the nodes that share a path in their names. Putting it back
needs no new calibration. Its nodes read the tensors of the plain graph again, and the pairs of
QuantizeLinear and DequantizeLinear that nobody reads any more are removed. The outputs, from which
the classes are chosen, are not rounded at all.
"""

from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property

from onnx import ModelProto, NodeProto

_PAIR = ("QuantizeLinear", "DequantizeLinear")


@dataclass(frozen=True)
class MixedGraph:
    """A graph in 8 bits, and the graph in 32 bits that it was made of."""

    plain: ModelProto
    quantized: ModelProto

    @cached_property
    def layers(self) -> list[str]:
        """The layers in 8 bits, in the order of the graph."""
        return list(dict.fromkeys(layer_of(name) for name in self._originals))

    def restored(self, layers: Collection[str]) -> ModelProto:
        """Return the quantized graph with some of its layers in 32 bits."""
        model = ModelProto()
        model.CopyFrom(self.quantized)
        for node in model.graph.node:
            original = self._originals.get(node.name)
            if original is not None and layer_of(node.name) in layers:
                node.input[:] = [self._names.get(name, name) for name in original.input]
        for tensor in self.plain.graph.initializer:
            model.graph.initializer.add().CopyFrom(tensor)
            model.graph.initializer[-1].name = self._names[tensor.name]
        _with_exact_outputs(model)
        _with_exact_activations(model)
        _remove_unread(model)
        return model

    def alone(self, layer: str) -> ModelProto:
        """Return the graph with this layer in 8 bits and all others in 32."""
        return self.restored({name for name in self.layers if name != layer})

    @cached_property
    def _names(self) -> dict[str, str]:
        """Names for the plain graph's weights: the quantized one uses the old ones anew."""
        return {tensor.name: f"{tensor.name}/plain" for tensor in self.plain.graph.initializer}

    @cached_property
    def _originals(self) -> dict[str, NodeProto]:
        """The nodes of the plain graph by name that read other tensors in the quantized one."""
        plain = {node.name: node for node in self.plain.graph.node}
        return {
            node.name: plain[node.name]
            for node in self.quantized.graph.node
            if node.op_type not in _PAIR
            and node.name in plain
            and list(node.input) != list(plain[node.name].input)
        }


def layer_of(node: str) -> str:
    """Return the layer of a node: its name up to the last part."""
    return node.rstrip("/").rpartition("/")[0] or node


def _with_exact_outputs(model: ModelProto) -> None:
    """Make each output that is rounded to 8 bits the tensor before the rounding."""
    makers = {name: node for node in model.graph.node for name in node.output}
    for output in model.graph.output:
        last = makers[output.name]
        if last.op_type != "DequantizeLinear":
            continue
        exact = makers[last.input[0]].input[0]
        last.output[0] = f"{output.name}/rounded"
        for node in model.graph.node:
            for names in (node.input, node.output):
                names[:] = [output.name if name == exact else name for name in names]


def _with_exact_activations(model: ModelProto) -> None:
    """Round what ReLU and Clip give, and not what they take as well.

    ONNX Runtime makes such a node part of the rounding after it. A pair before it would stay, and
    convert every map twice: half of the time of EfficientNet-Lite0.
    """
    makers = {name: node for node in model.graph.node for name in node.output}
    for node in model.graph.node:
        last = makers.get(node.input[0]) if node.op_type in ("Relu", "Clip") else None
        if last is not None and last.op_type == "DequantizeLinear":
            node.input[0] = makers[last.input[0]].input[0]


def _remove_unread(model: ModelProto) -> None:
    """Remove the nodes and initializers that no output depends on."""
    graph = model.graph
    read = {output.name for output in graph.output}
    kept = []
    # The nodes of a graph are in the order of their computation.
    for node in reversed(graph.node):
        if read.intersection(node.output):
            kept.append(node)
            read.update(node.input)
    tensors = [tensor for tensor in graph.initializer if tensor.name in read]
    del graph.node[:], graph.initializer[:]
    graph.node.extend(reversed(kept))
    graph.initializer.extend(tensors)
