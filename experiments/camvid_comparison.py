"""Trains SegFormer-B0 from scratch by our loop and by a plain loop around transformers' model.

    python experiments/camvid_comparison.py train CAMVID OUT [--seeds 0 1 2] [--epochs 15]
    python experiments/camvid_comparison.py steps CAMVID [--steps 40]
    python experiments/camvid_comparison.py report OUT

Both use the same epochs, batch size, learning rate, weight decay and linear schedule with AdamW,
and the same images in the same order with the same augmentation and normalisation (our data set and
sampler, the spec's defaults). Both are scored on the test split, by the same confusion matrix, with
the weights of the best epoch on the validation split. Only the training differs: ours is
`segformer train`; the plain loop is the model's own loss, one learning rate for all parameters,
`loss.backward()`, `step()`. A pair of kind and seed whose result is in OUT is not trained again.
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.lr_scheduler import LambdaLR
from torch.utils.data import DataLoader
from transformers import SegformerConfig, SegformerForSemanticSegmentation

from segformer.data.dataset import SegmentationDataset, Split
from segformer.data.labels import class_names
from segformer.data.sampler import EpochSampler
from segformer.evaluation.metrics import Tally
from segformer.model.segformer import build
from segformer.skill import skill
from segformer.spec import Spec, parse
from segformer.training.isolation import seed_everything
from segformer.training.module import SegmentationModule

KINDS = ("ours", "plain")
Batch = dict[str, Tensor]


def spec_of(data: Path, *, epochs: int, seed: int, lr: float, size: int = 160) -> Spec:
    overrides = {
        "dataset.segment.root_dir": str(data),
        "model.backbone.type": "mit_b0",
        "dataset.segment.img_size": size,
        "dataset.segment.batch_size": 8,
        "dataset.segment.workers": 0,
        "train.num_epochs": epochs,
        "train.seed": seed,
        "train.optim.lr": lr,
    }
    return parse(skill.resolve("train", overrides))


def loader_of(spec: Spec, split: Split, *, epoch: int = 0) -> DataLoader[Batch]:
    segment, is_training = spec.dataset.segment, split == "train"
    data = SegmentationDataset(segment, split=split, augment=is_training, seed=spec.train.seed)
    sampler = EpochSampler(len(data), shuffle=is_training, seed=spec.train.seed)
    sampler.set_epoch(epoch)
    return DataLoader(data, batch_size=segment.batch_size, sampler=sampler)


def plain_network(num_classes: int) -> SegformerForSemanticSegmentation:
    # The configuration's defaults are those of B0.
    config = SegformerConfig(semantic_loss_ignore_index=255)
    config.num_labels = num_classes
    return SegformerForSemanticSegmentation(config)


@torch.inference_mode()
def scores(
    logits_of: Callable[[Tensor], Tensor], spec: Spec, loader: DataLoader[Batch], name: str
) -> dict[str, float]:
    tally = Tally(spec.dataset.segment.num_classes, align_corners=False)
    for batch in loader:
        tally.add(logits_of(batch["image"]), batch["mask"])
    return tally.scores(what=name).metrics(name, class_names(spec.dataset.segment))


def train_plain(spec: Spec, folder: Path) -> dict[str, float]:
    """Train by the plain loop; return the test metrics of the epoch with the best val_miou."""
    seed_everything(spec.train.seed)
    network = plain_network(spec.dataset.segment.num_classes)
    optimizer = torch.optim.AdamW(network.parameters(), lr=spec.train.optim.lr, weight_decay=0.01)
    loader, validation = loader_of(spec, "train"), loader_of(spec, "validation")
    steps = len(loader) * spec.train.num_epochs
    schedule = LambdaLR(optimizer, lambda step: 1 - step / steps)
    best, weights = -1.0, {}
    for epoch in range(spec.train.num_epochs):
        network.train()
        sampler: Any = loader.sampler
        sampler.set_epoch(epoch)
        for batch in loader:
            plain_step(network, optimizer, batch)
            schedule.step()
        network.train(mode=False)
        miou = scores(lambda x: network(x).logits, spec, validation, "val")["val_miou"]
        print(f"plain, seed {spec.train.seed}, epoch {epoch + 1}: val_miou {miou:.4f}", flush=True)
        if miou > best:
            best = miou
            weights = {key: value.clone() for key, value in network.state_dict().items()}
    network.load_state_dict(weights)
    return scores(lambda x: network(x).logits, spec, loader_of(spec, "test"), "test")


def plain_step(network: nn.Module, optimizer: torch.optim.Optimizer, batch: Batch) -> None:
    optimizer.zero_grad()
    network(pixel_values=batch["image"], labels=batch["mask"]).loss.backward()
    optimizer.step()


def train_ours(spec: Spec, folder: Path) -> dict[str, float]:
    """Train by `segformer train`; return the test metrics of its best checkpoint."""

    def report(epoch: int, metrics: dict[str, float]) -> str:
        value = metrics["val_miou"]
        print(f"ours, seed {spec.train.seed}, epoch {epoch}: val_miou {value:.4f}", flush=True)
        return "continue"

    result = skill.run("train", spec.model_dump(), folder, report)
    overrides = {
        "dataset.segment.root_dir": spec.dataset.segment.root_dir,
        "dataset.segment.workers": 0,
        "evaluate.checkpoint": str(result.artifacts["best"]),
    }
    return skill.run("evaluate", skill.resolve("evaluate", overrides), folder / "test").metrics


def train(options: argparse.Namespace) -> None:
    runs = {"ours": train_ours, "plain": train_plain}
    for seed in options.seeds:
        for kind in options.only or KINDS:
            file = options.out / f"{kind}_{seed}.json"
            if file.exists():
                continue
            spec = spec_of(options.data, epochs=options.epochs, seed=seed, lr=options.lr)
            folder = options.out / f"{kind}_{seed}"
            folder.mkdir(parents=True, exist_ok=True)
            start = time.perf_counter()
            metrics = runs[kind](spec, folder)
            seconds = time.perf_counter() - start
            content = {
                "kind": kind,
                "seed": seed,
                "epochs": options.epochs,
                "lr": options.lr,
                "threads": torch.get_num_threads(),
                "seconds": seconds,
                "test": metrics,
            }
            file.write_text(json.dumps(content, indent=2) + "\n")
    report(options)


def report(options: argparse.Namespace) -> None:
    found = [json.loads(path.read_text()) for path in sorted(options.out.glob("*_[0-9]*.json"))]
    by_kind = {kind: [each for each in found if each["kind"] == kind] for kind in KINDS}
    by_kind = {kind: runs for kind, runs in by_kind.items() if runs}
    names = ["test_miou", "test_acc"] + sorted(
        {key for each in found for key in each["test"] if "_iou_" in key}
    )
    print(f"{'':24}" + "".join(f"{kind} ({len(runs)} seeds)  " for kind, runs in by_kind.items()))
    for name in names:
        cells = [_mean_and_spread([each["test"].get(name, 0.0) for each in runs])
                 for runs in by_kind.values()]  # fmt: skip
        print(f"{name:24}" + "  ".join(cells))
    for kind, runs in by_kind.items():
        print(f"{kind}: seconds {[round(each['seconds']) for each in runs]}, lr {runs[0]['lr']:g}")


def _mean_and_spread(values: list[float]) -> str:
    spread = statistics.stdev(values) if len(values) > 1 else 0.0
    return f"{statistics.mean(values):.4f} +- {spread:.4f}"


def steps(options: argparse.Namespace) -> None:
    """Time single steps of both in turns, so that noise affects both alike."""
    spec = spec_of(options.data, epochs=1, seed=0, lr=6e-4)
    batch = next(iter(loader_of(spec, "train")))
    both = {"ours": _our_stepper(spec), "plain": _plain_stepper(spec)}
    times: dict[str, list[float]] = {kind: [] for kind in both}
    for index in range(options.steps + 3):
        for kind, step in both.items():
            start = time.perf_counter()
            step(batch)
            if index >= 3:
                times[kind].append(time.perf_counter() - start)
    medians = {kind: statistics.median(taken) for kind, taken in times.items()}
    ratios = sorted(a / b for a, b in zip(times["ours"], times["plain"], strict=True))
    for kind, median in medians.items():
        print(f"{kind}: median {1000 * median:.0f} ms a step ({torch.get_num_threads()} threads)")
    print(f"ours / plain, pair by pair: median {statistics.median(ratios):.3f}")


def _our_stepper(spec: Spec) -> Callable[[Batch], Any]:
    network = build(spec.model, num_classes=spec.dataset.segment.num_classes)
    module = SegmentationModule(network, spec, batches_per_epoch=46)
    module.train()
    configured: Any = module.configure_optimizers()
    optimizer = configured["optimizer"]
    schedule = configured["lr_scheduler"]["scheduler"]

    def step(batch: Batch) -> None:
        optimizer.zero_grad()
        loss: Any = module.training_step(batch, 0)
        loss.backward()
        optimizer.step()
        schedule.step()

    return step


def _plain_stepper(spec: Spec) -> Callable[[Batch], Any]:
    network = plain_network(spec.dataset.segment.num_classes).train()
    optimizer = torch.optim.AdamW(network.parameters(), lr=6e-4, weight_decay=0.01)
    return lambda batch: plain_step(network, optimizer, batch)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(required=True)
    trains = commands.add_parser("train")
    trains.add_argument("data", type=Path)
    trains.add_argument("out", type=Path)
    trains.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    trains.add_argument("--epochs", type=int, default=15)
    trains.add_argument("--only", choices=KINDS, nargs="+")
    trains.add_argument("--lr", type=float, default=6e-4)
    trains.set_defaults(run=train)
    timing = commands.add_parser("steps")
    timing.add_argument("data", type=Path)
    timing.add_argument("--steps", type=int, default=40)
    timing.set_defaults(run=steps)
    table = commands.add_parser("report")
    table.add_argument("out", type=Path)
    table.set_defaults(run=report)
    options = parser.parse_args()
    options.run(options)


if __name__ == "__main__":
    main()
