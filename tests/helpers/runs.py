"""What a training left in its folder: status lines, and checkpoints compared bit for bit."""

import json

import torch

RATES = {"lr_head", "lr_backbone"}


def status_lines(folder):
    """Return the lines of status.json as mappings."""
    return [json.loads(line) for line in (folder / "status.json").read_text().splitlines()]


def state(folder, name="last"):
    """Return the content of a checkpoint of a training."""
    return torch.load(folder / "checkpoints" / f"{name}.ckpt", weights_only=True)


def assert_same(one, other):
    """Compare nested values, tensors bit for bit."""
    if isinstance(one, torch.Tensor):
        assert torch.equal(one, other)
    elif isinstance(one, dict):
        assert one.keys() == other.keys()
        for key in one:
            assert_same(one[key], other[key])
    elif isinstance(one, list):
        assert len(one) == len(other)
        for a, b in zip(one, other, strict=True):
            assert_same(a, b)
    else:
        assert one == other


def without_rates(metrics):
    """Return the metrics of a report without the learning rates, which are no scores."""
    return {name: value for name, value in metrics.items() if name not in RATES}
