"""The simple feature pyramid: four maps from the single map of a plain vision transformer."""

from torch import Tensor, nn

from segformer.model.encoders.blocks import halved


class FeaturePyramid(nn.Module):
    """Maps at 1/4, 1/8, 1/16 and 1/32 from one at 1/16 (Li et al. 2022, ViTDet, section 3).

    Without ViTDet's last convolutions, since the all-MLP head projects every map. Each doubling of
    the size halves the channels.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.twice = nn.ConvTranspose2d(width, width // 2, kernel_size=2, stride=2)
        self.fourfold = nn.Sequential(
            nn.ConvTranspose2d(width, width // 2, kernel_size=2, stride=2),
            ChannelNorm(width // 2),
            nn.GELU(),
            nn.ConvTranspose2d(width // 2, width // 4, kernel_size=2, stride=2),
        )
        self.norms = nn.ModuleList(
            ChannelNorm(channels) for channels in (width // 4, width // 2, width, width)
        )

    def forward(self, features: Tensor) -> list[Tensor]:
        """Map BxCxHxW -> maps Bx(C/4)x4Hx4W, Bx(C/2)x2Hx2W, BxCxHxW, BxC half as large."""
        maps = self.fourfold(features), self.twice(features), features, halved(features)
        return [norm(x) for norm, x in zip(self.norms, maps, strict=True)]


class ChannelNorm(nn.LayerNorm):
    """Layer norm over the channels of a map."""

    def forward(self, features: Tensor) -> Tensor:
        """Map BxCxHxW -> the same."""
        return super().forward(features.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
