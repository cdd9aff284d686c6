"""Fits weights of another size: position embeddings, patch kernels, kernels over the bands."""

import math

import torch
from torch import Tensor
from torch.nn import functional as F

_RGB = 3


def fitted(key: str, value: Tensor, own: Tensor) -> Tensor | None:
    """Return a weight in the shape of ours, or None if that is impossible.

    A grid of position embeddings is interpolated, a patch kernel resampled, one over red, green and
    blue spread over the bands of an image, and dimensions of size 1 are added or dropped.
    """
    if value.ndim == own.ndim == 4 and value.shape[1] == _RGB != own.shape[1]:
        value = spread_over_bands(value, own.shape[1])
    if _without_ones(value.shape) == _without_ones(own.shape):
        return value.reshape(own.shape)
    if "position_embedding" in key and value.shape[-1] == own.shape[-1]:
        rows = fitted_positions(value.flatten(0, -2), len(own.flatten(0, -2)))
        return None if rows is None else rows.reshape(own.shape)
    if "patch_embed" in key and value.ndim == 4 and value.shape[:2] == own.shape[:2]:
        return resampled_kernel(value, own.shape[2])
    return None


def _without_ones(shape: torch.Size) -> list[int]:
    return [size for size in shape if size != 1]


def fitted_positions(value: Tensor, count: int) -> Tensor | None:
    """Resize embeddings NxC of a square grid, with at most one token before it, to `count` rows.

    The grid is interpolated bicubically. The token is dropped if `count` has none. Returns None if
    N holds no square grid, or no token although `count` has one.
    """
    side, own_side = math.isqrt(len(value)), math.isqrt(count)
    before, own_before = len(value) - side**2, count - own_side**2
    if not own_before <= before <= 1:
        return None
    grid = value[before:].reshape(1, side, side, -1).permute(0, 3, 1, 2)
    grid = F.interpolate(
        grid.float(), size=(own_side, own_side), mode="bicubic", align_corners=False
    )
    rows = grid.permute(0, 2, 3, 1).flatten(0, 2).to(value.dtype)
    return torch.cat([value[:own_before], rows])


def spread_over_bands(kernel: Tensor, bands: int) -> Tensor:
    """Return a kernel Ox3xHxW over red, green and blue as one over a number of bands.

    Of more than three, the first are red, green and blue, and the others have the mean of the
    three. Of one or two, each has the same share of the sum, so that grey means what it meant.
    """
    mean = kernel.mean(dim=1, keepdim=True)
    if bands < _RGB:
        return (mean * (_RGB / bands)).expand(-1, bands, -1, -1)
    return torch.cat([kernel, mean.expand(-1, bands - _RGB, -1, -1)], dim=1)


def resampled_kernel(kernel: Tensor, side: int) -> Tensor:
    """Resample a patch kernel OxIxPxP to `side` pixels.

    By the pseudo-inverse of Beyer et al. 2023 (FlexiViT, equation 4): the new kernel gives for an
    enlarged patch what the old one gives for the patch.
    """
    old = kernel.shape[2]
    basis = torch.eye(old * old, dtype=torch.float64).reshape(-1, 1, old, old)
    enlarged = F.interpolate(basis, size=(side, side), mode="bilinear", align_corners=False)
    inverse = torch.linalg.pinv(enlarged.flatten(1))
    flat = inverse @ kernel.double().flatten(2).transpose(1, 2)
    resampled: Tensor = flat.transpose(1, 2).reshape(*kernel.shape[:2], side, side)
    return resampled.to(kernel.dtype)
