"""Chooses by measurement how a graph is quantized: its ranges, and the layers that stay in 32 bits.

The measure of a choice is the share of validation pixels whose class differs from that of the model
in 32 bits. It needs no truth, and is finer than the mIoU of a few images. The mIoU decides how many
layers go back.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from onnx import ModelProto

from segformer.errors import RejectedError
from segformer.export.graph import read_graph
from segformer.model.onnx_runtime import onnxruntime
from segformer.quantization.mixed import MixedGraph
from segformer.quantization.qdq import Images, QdqSettings, quantized_graph
from segformer.storage.scratch import scratch

_TRIED = ("minmax", "percentile", "entropy")
"""Algorithms that `auto` compares."""
_RESIDUALS = ", residuals in 8 bits"
Candidates = Mapping[str, tuple[QdqSettings, MixedGraph]]
"""Quantized graphs to choose from, and how they were made, by name."""


@dataclass(frozen=True)
class Choice:
    """A quantized graph, and what was measured to choose it."""

    mixed: MixedGraph
    settings: QdqSettings
    algorithm: str
    changed: dict[str, float]
    """By algorithm, the share of validation pixels whose class it changes."""
    sensitivity: dict[str, float]
    """The same by layer, with this layer alone in 8 bits; the most sensitive first."""
    restored: tuple[str, ...] = ()
    """The layers that stay in 32 bits."""

    @cached_property
    def graph(self) -> ModelProto:
        """The graph."""
        return self.mixed.restored(self.restored)

    def of(self, source: Path, images: Sequence[Path]) -> "Choice":
        """Return the same choice for the graph of other weights."""
        return replace(self, mixed=quantized_graph(source, images, self.settings))

    @property
    def with_head_in_32_bits(self) -> "Choice":
        """The same with the whole decode head in 32 bits, too."""
        head = [layer for layer in self.mixed.layers if "head" in layer.split("/")]
        return replace(self, restored=tuple(dict.fromkeys([*self.restored, *head])))

    @property
    def metrics(self) -> dict[str, float]:
        """How many layers are in 8 bits and how many stay in 32."""
        kept = len(self.restored)
        return {
            "layers_in_8_bits": float(len(self.mixed.layers) - kept),
            "layers_in_32_bits": float(kept),
        }

    @property
    def note(self) -> str:
        """Say which layers are not quantized; empty if all are."""
        if not self.restored:
            return ""
        return (
            f"{len(self.restored)} of {len(self.mixed.layers)} layers stay in 32 bits: "
            f"{', '.join(self.restored)}"
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the plain form of precision.json."""
        return {
            "algorithm": self.algorithm,
            "changed_pixels": self.changed,
            "in_32_bits": list(self.restored),
            "layers": [
                {"name": name, "changed_pixels": share, "bits": 32 if name in self.restored else 8}
                for name, share in self.sensitivity.items()
            ],
        }


def chosen(
    source: Path,
    images: Sequence[Path],
    validation: Sequence[Path],
    *,
    settings: QdqSettings,
    target_drop: float | None,
    drop: Callable[[ModelProto], float],
) -> Choice:
    """Return the quantized graph of an exported one.

    Args:
        source: The exported graph.
        images: For the calibration.
        validation: Images whose classes are compared.
        settings: Of the quantization; the algorithm `auto` tries several.
        target_drop: The largest `drop` to accept; None: no layer goes back.
        drop: How much worse a graph is than the source.

    Raises `RejectedError` if no layer at all may be in 8 bits.
    """
    graphs = candidates(source, images, replace(settings, keeps_activations=True))
    return best(graphs, Classes(source, validation), target_drop=target_drop, drop=drop)


def best(
    graphs: Candidates,
    classes: "Classes",
    *,
    target_drop: float | None,
    drop: Callable[[ModelProto], float],
) -> Choice:
    """Return the best of some quantized graphs; see `chosen`."""
    changed = {name: classes.changed(graph.restored(())) for name, (_, graph) in graphs.items()}
    # Without conversions around the sums of the residual stream a graph is faster: if the target
    # allows it, it is taken even where it changes a few more pixels.
    for algorithm in _in_order(changed, is_fast_first=target_drop is not None):
        own, mixed = graphs[algorithm]
        choice = Choice(mixed, own, algorithm, changed, {})
        if target_drop is None or drop(choice.graph) <= target_drop:
            return choice
    allowed, layers = target_drop or 0.0, len(mixed.layers)
    shares = {layer: classes.changed(mixed.alone(layer)) for layer in mixed.layers}
    ranked = sorted(shares, key=lambda layer: -shares[layer])
    count = fewest(layers, lambda count: drop(mixed.restored(ranked[:count])) <= allowed)
    if count == layers:
        raise RejectedError(
            f"not quantized: quantize.target_drop {allowed:g} leaves no layer in 8 bits; the "
            f"most sensitive is {ranked[0]}"
        )
    sensitivity = {layer: shares[layer] for layer in ranked}
    return Choice(mixed, own, algorithm, changed, sensitivity, tuple(ranked[:count]))


def _in_order(changed: Mapping[str, float], *, is_fast_first: bool) -> list[str]:
    """Return the graphs to try: the best one, or the best of the fast ones and of the others."""
    ranked = sorted(changed, key=lambda name: changed[name])
    if not is_fast_first:
        return ranked[:1]
    fast = [name for name in ranked if name.endswith(_RESIDUALS)]
    return fast[:1] + [name for name in ranked if name not in fast][:1]


def fewest(limit: int, is_enough: Callable[[int], bool]) -> int:
    """Return a small number from 1 that is enough, `limit` if none below is.

    Doubles, then halves the gap: the neighbour below is tried and is not enough.
    """
    low, high = 0, 1
    while high < limit and not is_enough(high):
        low, high = high, 2 * high
    high = min(high, limit)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if is_enough(middle) else (middle, high)
    return high


def candidates(source: Path, images: Sequence[Path], settings: QdqSettings) -> Candidates:
    """Return the graphs to choose from by name; with `auto` also one range a weight tensor."""
    if settings.algorithm != "auto":
        return {settings.algorithm: (settings, quantized_graph(source, images, settings))}
    graphs = {}
    with scratch() as folder:
        for name, own in _variants(settings):
            # The ranges of the activations depend neither on how the weights are rounded, nor on
            # what else is in 8 bits.
            shared = replace(own, cache=folder / f"{own.algorithm}.json")
            graphs[name] = own, quantized_graph(source, images, shared)
    return graphs


def _variants(settings: QdqSettings) -> Iterator[tuple[str, QdqSettings]]:
    for algorithm in _TRIED:
        own = replace(settings, algorithm=algorithm)
        yield algorithm, own
        yield f"{algorithm}, per tensor", replace(own, per_channel=False)
        if not settings.for_tensorrt:
            yield f"{algorithm}{_RESIDUALS}", replace(own, keeps_residuals=False)


class Classes:
    """The classes that a graph gives the pixels of some images."""

    def __init__(self, source: Path, images: Sequence[Path]) -> None:
        graph = read_graph(source)
        reader = Images(images, graph, source)
        self._inputs = list(iter(reader.get_next, None))
        self._plain = self._of(graph)

    def changed(self, graph: ModelProto) -> float:
        """Return the share of the pixels to which a graph gives another class."""
        classes = self._of(graph)
        return float(np.mean([(a != b).mean() for a, b in zip(classes, self._plain, strict=True)]))

    def _of(self, graph: ModelProto) -> list[NDArray[np.int64]]:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = torch.get_num_threads()
        options.log_severity_level = 3
        session = onnxruntime.InferenceSession(
            graph.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
        return [session.run(None, batch)[0].argmax(1) for batch in self._inputs]
