"""Resamples weights of another size: position embeddings and patch kernels."""

import math

import torch
from torch import Tensor
from torch.nn import functional as F


def fitted(key: str, value: Tensor, own: Tensor) -> Tensor | None:
    """Return a weight in the shape of ours, or None if that is impossible.

    A grid of position embeddings is interpolated, a patch kernel resampled, and dimensions of size
    1 are added or dropped.
    """
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
