"""The encoder's weights in 8 bits, by torchao; activations stay in 32 bits."""

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import nn

from segformer.model.saved import ENTRY, ModelRecord, read_model
from segformer.model.segformer import SegFormer
from segformer.quantization.backends import check_installed
from segformer.quantization.layers import quantized_layers
from segformer.spec.spec import Spec
from segformer.storage.encryption import writing


def write_weight_only(
    spec: Spec, source: Path, target: Path, *, layers: Sequence[tuple[str, bool]]
) -> None:
    """Write a checkpoint with the encoder's linear layers in 8 bits, one scale for each output.

    Args:
        spec: The record of a checkpoint that has none.
        source: A checkpoint in 32 bits.
        target: The file to write.
        layers: Patterns of layer names, and whether these are quantized; the last match wins.

    Raises:
        SpecError: torchao is not installed, or a pattern matches no layer.
    """
    check_installed("torchao")
    # Imported late, because it takes a second.
    from torchao.quantization import Int8WeightOnlyConfig, quantize_

    saved = read_model(source, otherwise=ModelRecord.of(spec))
    network = saved.build()
    chosen = _chosen(network, layers)
    quantize_(
        network,
        Int8WeightOnlyConfig(set_inductor_config=False),
        filter_fn=lambda _module, name: name in chosen,
    )
    content = {"state_dict": network.state_dict(), ENTRY: saved.record.to_dict()}
    with writing(target) as file:
        torch.save(content, file)


def _chosen(network: SegFormer, layers: Sequence[tuple[str, bool]]) -> set[str]:
    """Layers of the encoder only: the head multiplies its weights, which 8-bit tensors cannot."""
    names = [
        name
        for name, module in network.named_modules()
        if isinstance(module, nn.Linear) and name.startswith("backbone.")
    ]
    of = "the encoder; its linear layers are"
    return set(quantized_layers(names, layers, of=of))
