"""The all-MLP decode head of SegFormer, with its fusion done before the upsampling."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class AllMLPHead(nn.Module):
    """Decode head of SegFormer (Xie et al. 2021, section 3.2): feature maps -> logits.

    Published form: project every map to `embed_dim`, upsample to the finest, concatenate, fuse by a
    1x1 convolution, normalise, classify. Projection, the fusion's slice for a map and bilinear
    upsampling are linear and act on different axes, so here a map is projected and fused in one
    product at its own size and the upsampled results are summed: the same function and the same
    parameters, without the concatenated map of 4 x `embed_dim` channels.
    """

    def __init__(
        self,
        in_channels: Sequence[int],
        *,
        num_classes: int,
        embed_dim: int,
        align_corners: bool = False,
        dropout: float = 0.1,
    ) -> None:
        super().__init__()
        self.align_corners = align_corners
        self.projections = nn.ModuleList(nn.Linear(width, embed_dim) for width in in_channels)
        self.fuse = nn.Conv2d(embed_dim * len(in_channels), embed_dim, 1, bias=False)
        self.norm = nn.BatchNorm2d(embed_dim)
        self.dropout = nn.Dropout2d(dropout)
        self.classifier = nn.Conv2d(embed_dim, num_classes, 1)
        self._initialise()

    def forward(self, features: Sequence[Tensor]) -> Tensor:
        """Maps BxC_ixH_ixW_i, finest first -> logits BxCxH_0xW_0."""
        fused = self.norm(self._fused(features))
        logits: Tensor = self.classifier(self.dropout(F.relu(fused)))
        return logits

    def _fused(self, features: Sequence[Tensor]) -> Tensor:
        maps = [
            _pointwise(feature, weight, bias)
            for feature, (weight, bias) in zip(features, self.kernels(), strict=True)
        ]
        return _upsampled_sum(maps, align_corners=self.align_corners)

    def kernels(self) -> list[tuple[Tensor, Tensor]]:
        """Return the matrix and bias that project and fuse each map, finest first."""
        # The published order of the concatenation is coarsest first.
        slices = reversed(self.fuse.weight.flatten(1).chunk(len(self.projections), dim=1))
        return [
            (torch.mm(part, linear.weight), torch.mv(part, linear.bias))
            for part, linear in zip(slices, self._linears(), strict=True)
        ]

    def _linears(self) -> list[nn.Linear]:
        return [module for module in self.projections if isinstance(module, nn.Linear)]

    def _initialise(self) -> None:
        for linear in self._linears():
            nn.init.trunc_normal_(linear.weight, std=0.02)
            nn.init.zeros_(linear.bias)
        nn.init.kaiming_normal_(self.fuse.weight, mode="fan_out", nonlinearity="relu")
        nn.init.normal_(self.classifier.weight, std=0.01)
        if self.classifier.bias is not None:
            nn.init.zeros_(self.classifier.bias)


class FoldedHead(nn.Module):
    """The function of a head in evaluation mode, with products of constants precomputed.

    For deployment: one 1x1 convolution per map that includes the norm, and the classifier. Every
    weight of the graph is then a constant, as quantizers require.
    """

    def __init__(self, head: AllMLPHead) -> None:
        super().__init__()
        self.align_corners = head.align_corners
        self.maps = nn.ModuleList(_folded_convolutions(head))
        self.classifier = head.classifier

    def forward(self, features: Sequence[Tensor]) -> Tensor:
        """See `AllMLPHead.forward`."""
        maps = [fold(feature) for fold, feature in zip(self.maps, features, strict=True)]
        fused = _upsampled_sum(maps, align_corners=self.align_corners)
        logits: Tensor = self.classifier(F.relu(fused))
        return logits


def folded_kernels(head: AllMLPHead) -> list[tuple[Tensor, Tensor]]:
    """Return the matrix and bias of each map's product with the norm folded in, finest first.

    With W_i, b_i of `AllMLPHead.kernels` the norm in evaluation mode gives
    s * (sum_i up(W_i x_i + b_i) - m) + t; s is weight / sqrt(var + eps), m the running mean, t the
    norm's bias. So s scales every W_i and b_i, and t - s * m is added once.
    """
    norm, kernels = head.norm, []
    if norm.running_mean is None or norm.running_var is None:
        raise ValueError("the head's norm keeps no running statistics")
    scale = norm.weight * torch.rsqrt(norm.running_var + norm.eps)
    # Bilinear weights add up to 1, so the shift may be added to one map before upsampling.
    shift = norm.bias - scale * norm.running_mean
    for weight, bias in head.kernels():
        kernels.append((weight * scale[:, None], bias * scale + shift))
        shift = torch.zeros_like(shift)
    return kernels


@torch.no_grad()
def _folded_convolutions(head: AllMLPHead) -> list[nn.Conv2d]:
    """Return convolutions whose upsampled sum is the output of the head's norm."""
    convolutions = []
    for weight, bias in folded_kernels(head):
        convolution = nn.Conv2d(weight.shape[1], weight.shape[0], 1)
        convolution.weight = nn.Parameter(weight[:, :, None, None])
        convolution.bias = nn.Parameter(bias)
        convolutions.append(convolution)
    return convolutions


def _pointwise(features: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Apply a 1x1 convolution as a matrix product over the rows of a channels-last map.

    On one thread torch's own 1x1 convolution copies them, and a step takes a few % longer.
    """
    return F.linear(features.permute(0, 2, 3, 1), weight, bias).permute(0, 3, 1, 2)


def _upsampled_sum(maps: Sequence[Tensor], *, align_corners: bool) -> Tensor:
    """Sum the maps at the size of the first."""
    size, total = maps[0].shape[2:], maps[0]
    for coarser in maps[1:]:
        total = total + F.interpolate(
            coarser, size=size, mode="bilinear", align_corners=align_corners
        )
    return total
