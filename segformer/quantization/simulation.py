"""Simulates an int8 graph in torch, so that a network can be trained for it.

Where a graph rounds, and to which steps, is read from the graph itself: what is simulated is what
is deployed. Names do not tell which module made a tensor of the graph, so both compute one image,
and equal values belong together. Each layer in 8 bits rounds its weights anew as they change;
activations keep the ranges of the calibration. Gradients pass a rounding as if it were not there,
and are 0 outside of its range.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from onnx import ModelProto, NodeProto, ValueInfoProto, helper, numpy_helper
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional as F

from segformer.model.head import AllMLPHead, FoldedHead, folded_kernels
from segformer.model.onnx_runtime import onnxruntime
from segformer.model.segformer import FoldedSegFormer, SegFormer

_LARGEST = 127
"""The largest step of a weight, whose steps lie evenly around 0."""
_PRODUCTS = ("Conv", "MatMul", "Gemm")
_EQUAL = 1e-3
"""Difference of equal values, as a share of the largest: of rounding in 32 bits, not in 8."""
Layer = nn.Conv2d | nn.Linear
Round = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Rounding:
    """The steps of a rounded activation."""

    scale: float
    zero: int
    low: int
    high: int

    def __call__(self, values: Tensor) -> Tensor:
        """Return the values, rounded."""
        return torch.fake_quantize_per_tensor_affine(
            values, self.scale, self.zero, self.low, self.high
        )


def rounded_weight(weight: Tensor) -> Tensor:
    """Return a weight rounded to steps of each channel's own, of which the first axis is one.

    A norm that the export folds into a convolution scales whole channels, and changes no step.
    """
    scale = weight.detach().flatten(1).abs().amax(1).clamp(min=1e-12) / _LARGEST
    zero = torch.zeros_like(scale, dtype=torch.int32)
    return torch.fake_quantize_per_channel_affine(weight, scale, zero, 0, -_LARGEST, _LARGEST)


@dataclass(frozen=True)
class Product:
    """A product with weights in 8 bits, and how its inputs and results are rounded."""

    weight: Tensor
    """Its first axis are the channels, with norms folded in."""
    before: Round
    after: Round
    """Of the product itself; the bias may be added later."""
    rounds_bias: bool
    is_separate: bool
    """Whether the bias is added by a node of its own."""


@dataclass(frozen=True)
class Roundings:
    """Where an int8 graph rounds, in terms of the graph that it was made of."""

    plain: ModelProto
    quantized: ModelProto

    @cached_property
    def activations(self) -> dict[str, Rounding]:
        """The rounded activations, by name."""
        constants = self._constants
        return {
            node.input[0]: _rounding(*(constants[name] for name in node.input[1:3]))
            for node in self.quantized.graph.node
            if node.op_type == "QuantizeLinear" and node.input[0] not in constants
        }

    @cached_property
    def products(self) -> list[Product]:
        """The products whose weights are rounded."""
        weights = {t.name: numpy_helper.to_array(t) for t in self.plain.graph.initializer}
        return [
            self._product(node, weights[node.input[1]])
            for node in self.plain.graph.node
            if node.op_type in _PRODUCTS and node.input[1] in weights and self._is_in_8_bits(node)
        ]

    def values(self, image: Tensor) -> Iterator[tuple[Rounding, Tensor]]:
        """Yield each rounded activation as the plain graph computes it, with its rounding."""
        made = {name for node in self.plain.graph.node for name in node.output}
        names = [name for name in self.activations if name in made]
        model = ModelProto()
        model.CopyFrom(self.plain)
        model.graph.output.extend(ValueInfoProto(name=name) for name in names)
        session = onnxruntime.InferenceSession(
            model.SerializeToString(), providers=["CPUExecutionProvider"]
        )
        values = session.run(names, {model.graph.input[0].name: image.numpy()})
        for name, value in zip(names, values, strict=True):
            yield self.activations[name], torch.from_numpy(value)

    def image(self) -> Tensor:
        """Return noise that the graph takes as an image."""
        shape = self.plain.graph.input[0].type.tensor_type.shape.dim
        sides = [side.dim_value for side in shape[1:]]
        return torch.randn(1, *sides, generator=torch.Generator().manual_seed(0))

    def _product(self, node: NodeProto, weight: NDArray[np.float32]) -> Product:
        kept = {a.name: helper.get_attribute_value(a) for a in node.attribute}.get("transB", 0)
        is_turned = node.op_type == "MatMul" or (node.op_type == "Gemm" and not kept)
        return Product(
            torch.from_numpy(weight.T.copy() if is_turned else weight.copy()),
            before=self.activations.get(node.input[0], nn.Identity()),
            after=self.activations.get(node.output[0], nn.Identity()),
            rounds_bias=self._adds_rounded_bias(node),
            is_separate=node.op_type == "MatMul",
        )

    def _is_in_8_bits(self, node: NodeProto) -> bool:
        twin = self._makers.get(node.output[0])
        return twin is not None and self._is_rounded_constant(twin.input[1])

    def _adds_rounded_bias(self, node: NodeProto) -> bool:
        """Whether the next node of the plain graph adds a bias, and the other graph rounds it."""
        sums = (n for n in self.plain.graph.node if node.output[0] in n.input)
        twins = (self._makers.get(each.output[0]) for each in sums if each.op_type == "Add")
        return any(any(map(self._is_rounded_constant, twin.input)) for twin in twins if twin)

    def _is_rounded_constant(self, name: str) -> bool:
        maker = self._makers.get(name)
        return (
            maker is not None
            and maker.op_type == "DequantizeLinear"
            and maker.input[0] in self._constants
        )

    @cached_property
    def _makers(self) -> dict[str, NodeProto]:
        return {name: node for node in self.quantized.graph.node for name in node.output}

    @cached_property
    def _constants(self) -> dict[str, Any]:
        return {t.name: numpy_helper.to_array(t) for t in self.quantized.graph.initializer}


def simulate(network: SegFormer, roundings: Roundings) -> int:
    """Make a network compute as an int8 graph does; return how many products it has no layer for.

    Weights and their names stay as they are. The network has to stay in evaluation mode, in which
    the graph was traced.
    """
    deployed = FoldedSegFormer(network)
    outputs = _outputs(deployed, roundings.image())
    layers = {layer for layer in outputs if isinstance(layer, Layer)}
    hooks = []
    for rounding, value in roundings.values(roundings.image()):
        makers = (module for module, made in outputs.items() if _is_equal(made, value))
        if (maker := next(makers, None)) is not None:
            hooks.append((maker, rounding))
    missing = 0
    for product in roundings.products:
        twins = (layer for layer in layers if _is_parallel(layer.weight, product.weight))
        if (layer := next(twins, None)) is None:
            missing += 1
        else:
            layers.remove(layer)
            _compute_by(layer, partial(_rounded, layer, product))
    for module, rounding in hooks:
        module.register_forward_hook(partial(_with_rounded_output, rounding))
    _compute_by(network.head, partial(_deployed_head, network.head, deployed.head))
    return missing


def _compute_by(module: nn.Module, forward: Callable[..., Tensor]) -> None:
    """Replace what one module computes; its weights keep their names, unlike in a wrapper."""
    module.__dict__["forward"] = forward


@torch.no_grad()
def _outputs(network: nn.Module, image: Tensor) -> dict[nn.Module, Tensor]:
    """Return what each module makes of an image, by the order in which they end."""
    outputs: dict[nn.Module, Tensor] = {}

    def keep(module: nn.Module, inputs: Any, output: Any) -> None:
        if isinstance(output, Tensor):
            outputs[module] = output

    hooks = [module.register_forward_hook(keep) for module in network.modules()]
    network(image.to(next(network.parameters()).device))
    for hook in hooks:
        hook.remove()
    return outputs


def _is_equal(made: Tensor, value: Tensor) -> bool:
    if made.shape != value.shape:
        return False
    return bool((made.cpu() - value).abs().max() <= _EQUAL * value.abs().max())


def _is_parallel(weight: Tensor, other: Tensor) -> bool:
    """Whether each channel of a weight is a multiple of the other's: a norm may be folded in."""
    if weight.shape != other.shape:
        return False
    one, two = (w.detach().cpu().flatten(1) for w in (weight, other))
    lengths = one.norm(dim=1) * two.norm(dim=1)
    return bool(((one * two).sum(1).abs() >= (1 - _EQUAL) * lengths).all())


def _rounded(layer: Layer, product: Product, values: Tensor) -> Tensor:
    """Compute a layer whose input, weights, product and bias are rounded."""
    values, weight, bias = product.before(values), rounded_weight(layer.weight), layer.bias
    if isinstance(layer, nn.Conv2d):
        return F.conv2d(
            values, weight, bias, layer.stride, layer.padding, layer.dilation, layer.groups
        )
    if not product.is_separate or bias is None:
        return F.linear(values, weight, bias)
    bias = rounded_weight(bias[None])[0] if product.rounds_bias else bias
    return product.after(F.linear(values, weight)) + bias


def _with_rounded_output(rounding: Round, module: nn.Module, inputs: Any, output: Tensor) -> Tensor:
    return rounding(output)


def _deployed_head(head: AllMLPHead, folded: FoldedHead, features: Sequence[Tensor]) -> Tensor:
    """Compute a head in its deployed form, whose layers round, of the weights in training."""
    weights: dict[str, Tensor] = {}
    for index, (weight, bias) in enumerate(folded_kernels(head)):
        weights[f"maps.{index}.weight"] = weight[:, :, None, None]
        weights[f"maps.{index}.bias"] = bias
    logits: Tensor = functional_call(folded, weights, (features,))
    return logits


def _rounding(scale: Any, zero: Any) -> Rounding:
    limits = np.iinfo(zero.dtype)
    return Rounding(float(scale), int(zero), int(limits.min), int(limits.max))
