"""Grey images for models of RGB that were exported with one input channel."""

from torch import Tensor

from segformer.model.saved import ModelRecord


def with_channels(images: Tensor, record: ModelRecord, *, channels: int) -> Tensor:
    """Return images BxCxHxW as a model's input takes them: RGB as grey if it has one channel."""
    return grey(images, record) if channels != record.channels else images


def grey(images: Tensor, record: ModelRecord) -> Tensor:
    """Scaled images Bx3xHxW -> Bx1xHxW: their luminance (ITU-R BT.601), scaled like red."""
    mean, std = (images.new_tensor(record.segment["augmentation"][k]) for k in ("mean", "std"))
    weights = images.new_tensor([0.299, 0.587, 0.114])
    shares = (weights * std)[:, None, None]
    luminance = (images * shares).sum(1, keepdim=True) + (weights * mean).sum()
    return (luminance - mean[0]) / std[0]
