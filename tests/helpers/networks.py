"""Networks for tests: specs of a backbone, and encoders cut to a few blocks."""

from collections.abc import Iterator
from contextlib import contextmanager
from unittest import mock

from segformer.model.encoders import mit, vit
from segformer.spec import parse
from segformer.spec.backbones import BACKBONES
from segformer.spec.overrides import nested
from segformer.spec.sections.model import Model

LIGHT = (
    "mit_b0",
    "fan_tiny_8_p4_hybrid",
    "vit_small_dinov3",
    "convnextv2_tiny",
    "efficientnet_lite0",
)
"""The lightest of each family, 22 million parameters at most save for ConvNeXt's 28."""


def model_spec(name: str = "mit_b0", **values: object) -> Model:
    """The model section of a spec; values by key below `model`, with __ for the dots."""
    dotted = {f"model.{key.replace('__', '.')}": value for key, value in values.items()}
    size = {"dataset.segment.img_size": BACKBONES[name].nearest_size(256)}
    return parse(nested({"model.backbone.type": name, **size, **dotted})).model


def cut(monkeypatch, depth: int = 2) -> None:
    """Build plain ViTs of a few blocks until the test ends: the large ones would take gigabytes."""
    for configs in (vit.DINOV2, vit.DINOV3, vit.SIGLIP):
        for config in configs.values():
            monkeypatch.setattr(config, "num_hidden_layers", depth)


@contextmanager
def shallow() -> Iterator[None]:
    """Build mit_b0 of one block a stage meanwhile: half the nodes, a third of the quantization.

    A network that was saved so is read so, in this process alone.
    """
    with mock.patch.dict(mit.DEPTHS, mit_b0=(1, 1, 1, 1)):
        yield
