"""Images for a model that takes one channel."""

from torch import Tensor

from segformer.model.saved import ModelRecord


def fed(images: Tensor, record: ModelRecord, *, channels: int) -> Tensor:
    """Return images Bx3xHxW as a model of 1 or 3 channels takes them."""
    return grey(images, record) if channels == 1 else images


def grey(images: Tensor, record: ModelRecord) -> Tensor:
    """Scaled images Bx3xHxW -> Bx1xHxW: their luminance, by ITU-R BT.601, scaled as red is."""
    mean, std = (images.new_tensor(record.segment["augmentation"][k]) for k in ("mean", "std"))
    weights = images.new_tensor([0.299, 0.587, 0.114])
    shares = (weights * std)[:, None, None]
    luminance = (images * shares).sum(1, keepdim=True) + (weights * mean).sum()
    return (luminance - mean[0]) / std[0]
