"""All masks of a data set that a model has not trained on, the most suspect first."""

import csv
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count, groupby
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segformer.data.channels import composite
from segformer.data.labels import class_names
from segformer.data.load import load_pair
from segformer.data.overlay import class_colours
from segformer.data.pairs import Pair
from segformer.data.source import source_of
from segformer.errors import SpecError
from segformer.spec.spec import Spec
from segformer.storage.atomic import replacing
from segformer.suspects.folds import Train, parts, trained_without
from segformer.suspects.model import ProbabilityModel
from segformer.suspects.page import Row, framed, write_page
from segformer.suspects.regions import Floats, Region, confusions, regions

Progress = Callable[[int, int], None]

_SHOWN = 24
"""Masks on the page."""
_LISTED = 3
"""Regions of an image that the table and the page show."""


@dataclass(frozen=True)
class Looked:
    """A mask, the regions in doubt, the model that doubts them, and all its confusions CxC."""

    split: str
    pair: Pair
    regions: Sequence[Region]
    model: Path
    confusions: NDArray[np.int64]

    @classmethod
    def at(
        cls, split: str, pair: Pair, ids: NDArray[np.uint8], probabilities: Floats, model: Path
    ) -> "Looked":
        """Compare a mask HxW with the probabilities CxHxW of a model that has not seen it."""
        found = regions(probabilities, ids)
        return cls(split, pair, found, model, confusions(probabilities, ids))


@dataclass(frozen=True)
class Suspect:
    """A mask, the score it is ranked by, and the regions in doubt, the worst first."""

    split: str
    pair: Pair
    score: float
    regions: Sequence[Region]
    model: Path

    def to_dict(self, names: list[str]) -> dict[str, Any]:
        """Return the suspect as JSON values."""
        return {
            "split": self.split, "image": str(self.pair.image), "mask": str(self.pair.mask),
            "score": round(self.score, 4),
            "regions": [region.to_dict(names) for region in self.regions[:_LISTED]],
        }  # fmt: skip


@dataclass(frozen=True)
class Suspects:
    """All masks that were looked at, and the files that say so."""

    ranking: Sequence[Suspect]
    names: list[str]
    files: Mapping[str, Path]

    def to_dict(self) -> dict[str, Any]:
        """Return the ranking as JSON values."""
        return {
            "images": [suspect.to_dict(self.names) for suspect in self.ranking],
            "files": {name: str(path) for name, path in self.files.items()},
        }

    def text(self) -> str:
        """Return the first of the ranking as lines for people."""
        lines = [f"{len(self.ranking)} masks, the most suspect first:"]
        for rank, suspect in enumerate(self.ranking[:10], start=1):
            worst = f": {_said(suspect.regions[0], self.names)}" if suspect.regions else ""
            lines.append(f"{rank:3} {suspect.split}/{suspect.pair.mask.name}{worst}")
        return "\n".join([*lines, *(f"{name}: {path}" for name, path in self.files.items())])


def suspects(
    spec: Spec,
    folder: Path,
    *,
    model: Path | None,
    folds: int,
    epochs: int,
    train: Train,
    progress: Progress | None = None,
) -> Suspects:
    """Rank the masks by how confidently a model that has not trained on them disagrees.

    With `folds` the masks are those of the training split, and the models as many trainings of
    `epochs`, each without a part of them; without, those of validation and test, and `model`.
    Writes a page, a table and a list into `folder`. `progress` counts epochs and images.
    """
    source = source_of(spec.dataset.segment)
    if folds:
        pairs = source.pairs(spec.dataset.segment.train_split)
        looked_at = _out_of_fold(spec, pairs, folder, folds, epochs, train, progress)
    else:
        assert model is not None
        looked_at = _measured(spec, model, _measured_pairs(spec, source.splits), progress)
    ranking = ranked_masks(list(looked_at))
    names = class_names(spec.dataset.segment)
    files = {"page": folder / "suspects.html", "table": folder / "suspects.csv"}
    folder.mkdir(parents=True, exist_ok=True)
    write_page(files["page"], _rows(ranking[:_SHOWN], spec, names))
    _write_table(files["table"], ranking, names)
    return Suspects(ranking, names, files)


def _measured_pairs(spec: Spec, splits: Mapping[str, Sequence[Pair]]) -> list[tuple[str, Pair]]:
    segment = spec.dataset.segment
    wanted = dict.fromkeys((segment.validation_split, segment.test_split))
    return [(name, pair) for name in wanted for pair in splits.get(name, ())]


def _out_of_fold(
    spec: Spec,
    pairs: Sequence[Pair],
    folder: Path,
    folds: int,
    epochs: int,
    train: Train,
    progress: Progress | None,
) -> Iterator[Looked]:
    if not 2 <= folds <= len(pairs):
        raise SpecError(f"--folds: {folds} is not allowed; give 2 to {len(pairs)}, the images")
    split, total = spec.dataset.segment.train_split, folds * epochs + len(pairs)
    done = count(1)

    def step(*_: int) -> None:
        if progress:
            progress(next(done), total)

    for number, part in enumerate(parts(len(pairs), folds)):
        model = trained_without(
            train, spec, pairs, part, folder / f"fold-{number}", epochs=epochs, report=step
        )
        yield from _measured(spec, model, [(split, pairs[i]) for i in part], step)


def _measured(
    spec: Spec, path: Path, pairs: Sequence[tuple[str, Pair]], progress: Progress | None
) -> Iterator[Looked]:
    model = ProbabilityModel(path, spec)
    for done, (split, pair) in enumerate(pairs, start=1):
        loaded = load_pair(pair, spec.dataset.segment)
        probabilities = model.probabilities(loaded.image)
        yield Looked.at(split, pair, loaded.ids, probabilities, path)
        if progress:
            progress(done, len(pairs))


def ranked_masks(looked_at: Sequence[Looked]) -> list[Suspect]:
    """Rank images by the worst of their regions: its weight times how rare such a confusion is.

    What the model takes for another class in many images is its own fault, not that of a mask.
    """
    counts = sum(each.confusions for each in looked_at) + np.int64(1)
    surprise = -np.log(counts / counts.sum(axis=1, keepdims=True))

    def doubt(region: Region) -> float:
        return region.weight * float(surprise[region.predicted, region.labelled])

    ranking = [
        Suspect(
            each.split, each.pair, max(map(doubt, each.regions), default=0.0),
            sorted(each.regions, key=lambda r: -doubt(r)), each.model,
        )
        for each in looked_at
    ]  # fmt: skip
    return sorted(ranking, key=lambda suspect: (-suspect.score, suspect.pair.stem))


def _rows(ranking: Sequence[Suspect], spec: Spec, names: list[str]) -> list[Row]:
    """Return image, mask and prediction of each suspect, with the regions in doubt framed."""
    colours = class_colours(spec.dataset.segment)
    rows: dict[int, Row] = {}
    numbered = sorted(enumerate(ranking), key=lambda each: str(each[1].model))
    for path, of_model in groupby(numbered, key=lambda each: each[1].model):
        model = ProbabilityModel(path, spec)
        for place, suspect in of_model:
            loaded = load_pair(suspect.pair, spec.dataset.segment)
            predicted = model.probabilities(loaded.image).argmax(axis=0)
            listed = suspect.regions[:_LISTED]
            pictures = (composite(loaded.image), colours[loaded.ids], colours[predicted])
            rows[place] = Row(
                f"{place + 1}. {suspect.split}/{suspect.pair.mask.name}",
                [_said(region, names) for region in listed],
                [framed(picture, [region.box for region in listed]) for picture in pictures],
            )
    return [rows[place] for place in range(len(ranking))]


def _said(region: Region, names: list[str]) -> str:
    left, top, width, height = region.box
    return (
        f"{region.reason}: labelled {names[region.labelled]}, predicted "
        f"{names[region.predicted]} at {left},{top} ({width}x{height} pixels, confidence "
        f"{region.confidence:.2f})"
    )


def _write_table(path: Path, ranking: Sequence[Suspect], names: list[str]) -> None:
    heads = [
        "rank", "split", "image", "mask", "score", "reason", "labelled", "predicted", "confidence",
        "pixels", "left", "top", "width", "height",
    ]  # fmt: skip
    with replacing(path) as part, part.open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, heads)
        table.writeheader()
        for rank, suspect in enumerate(ranking, start=1):
            content = suspect.to_dict(names)
            listed = content.pop("regions")
            for region in listed or [{}]:
                table.writerow({"rank": rank, **content, **region})
