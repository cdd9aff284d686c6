"""The evaluate action: scores of a model on a split."""

import json
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader

from segformer.action import write_spec
from segformer.data.channels import composite
from segformer.data.dataset import SegmentationDataset, collated, split_folder, unscaled
from segformer.data.labels import class_names
from segformer.data.load import load_pair
from segformer.data.overlay import class_colours
from segformer.data.source import source_of
from segformer.errors import SpecError
from segformer.evaluation.calibration import Reliability, calibration_error
from segformer.evaluation.image_counts import FILE as COUNTS_FILE
from segformer.evaluation.image_counts import ImageCounts, counts_of_image
from segformer.evaluation.image_scores import ImageScore, worst_first
from segformer.evaluation.image_size import with_trained_size
from segformer.evaluation.latency import measured_latency
from segformer.evaluation.metrics import Scores, Tally, null_if_nan
from segformer.evaluation.pictures import Pixels, side_by_side, write_picture
from segformer.evaluation.predictor import Predictor, load_predictor, model_file
from segformer.evaluation.report import write_report
from segformer.evaluation.samples import FOLDER as SAMPLES_FOLDER
from segformer.evaluation.samples import Sample, sampled, write_sample
from segformer.evaluation.scoring import scored
from segformer.evaluation.segmenter import segmenter_of
from segformer.model.out_of_memory import out_of_memory_explained
from segformer.model.saved import ModelRecord
from segformer.parallel.collective import gathered, number
from segformer.parallel.launch import run_action
from segformer.parallel.sharding import share_of
from segformer.parallel.topology import Topology
from segformer.result import Report, Result
from segformer.spec.sections.dataset import DatasetSegment, size_text
from segformer.spec.spec import Spec
from segformer.storage.atomic import replacing
from segformer.storage.step_file import StepFile

_PREFIXES: dict[Literal["test", "validation"], str] = {"test": "test", "validation": "val"}


_NamedCounts = tuple[str, NDArray[np.int64]]
PICTURES = "combined_visualisation"
"""The folder of the pictures, named as in TAO."""


def evaluate(spec: Spec, folder: Path) -> Result:
    """Score a model on a split and write results.json and report.json into `folder`.

    image_counts.npz beside them has the pixel counts of each image, by which
    `segformer.evaluation.image_counts` compares two models.

    Architecture, image size and scaling come from the checkpoint if it records them; the data and
    the meaning of the masks come from the spec. Metrics are named test_* or val_* by the split;
    `latency.runs` adds those of `segformer.evaluation.latency`. Pictures of every
    `vis_after_n_batches`-th batch, including the first, show image, prediction and truth side by
    side. The results of an earlier evaluation in the folder are removed first. Raises `SpecError`,
    `CheckpointError`, `DataError`, `OutOfMemoryError`.
    """
    replaces = ("results.json", "report.json", COUNTS_FILE, SAMPLES_FOLDER, PICTURES)
    return run_action("evaluate", spec, folder, evaluate_here, replaces=replaces)


def evaluate_here(
    spec: Spec, folder: Path, topology: Topology, report: Report | None = None
) -> Result:
    """Evaluate a share of the images, as one of the processes of a topology."""
    path = model_file("evaluate", spec)
    _check_alone(spec, topology)
    device = topology.device_of(number())
    otherwise = ModelRecord.of(spec)
    latency = _latency(path, otherwise, device, spec)
    predictor = load_predictor(path, otherwise=otherwise, device=device)
    spec = with_trained_size(spec, predictor.record)
    if number() == 0:
        write_spec(spec, folder)
    segment = predictor.record.applied_to(spec.dataset.segment)
    size, batch = size_text(segment.size), spec.evaluate.batch_size
    with out_of_memory_explained(f"reduce evaluate.batch_size ({batch}; images are {size} px)"):
        reliabilities = [
            Reliability(at) for at in dict.fromkeys((1.0, predictor.record.temperature))
        ]
        scores, counts = _scores(predictor, segment, spec, folder, reliabilities)
    prefix = _PREFIXES[spec.evaluate.split]
    metrics = scores.metrics(prefix, class_names(segment)) | latency
    metrics |= {f"{prefix}_{name}": value for name, value in scores.constant().items()}
    calibration = [_calibration(each) for each in reliabilities]
    metrics[f"{prefix}_ece"] = calibration[0]["ece"]
    if len(calibration) > 1:
        metrics[f"{prefix}_ece_calibrated"] = calibration[1]["ece"]
    artifacts = {
        "results": folder / "results.json",
        "report": folder / "report.json",
        "image_counts": folder / COUNTS_FILE,
    }
    if spec.evaluate.vis_after_n_batches:
        artifacts["pictures"] = folder / PICTURES
    if number() > 0:
        return Result(artifacts, metrics)
    _image_counts(counts, class_names(segment)).write(artifacts["image_counts"])
    images = worst_first(ImageScore.of(name, own) for name, own in counts)
    content = {
        "checkpoint": str(path),
        "split": spec.evaluate.split,
        "metrics": metrics,
        "classes": _class_table(scores, class_names(segment)),
        "confusion_matrix": scores.matrix.tolist(),
        "calibration": calibration,
        "images": [image.to_dict() for image in images],
    }
    with replacing(artifacts["results"]) as part:
        part.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    samples = sampled(images)
    with out_of_memory_explained(f"reduce evaluate.batch_size ({batch}; images are {size} px)"):
        _write_samples(folder, samples, predictor, segment, spec)
    write_report(
        folder,
        split=spec.evaluate.split,
        segment=segment,
        scores=scores,
        samples=samples,
        images=images,
        calibration=calibration,
    )
    return Result(artifacts=artifacts, metrics=metrics)


def _calibration(reliability: Reliability) -> dict[str, Any]:
    table = reliability.table()
    ece = calibration_error(table)
    return {"temperature": reliability.temperature, "ece": ece, "bins": table}


@torch.inference_mode()
def _write_samples(
    folder: Path, samples: list[Sample], predictor: Predictor, segment: DatasetSegment, spec: Spec
) -> None:
    """Segment samples again, at their own size."""
    segmenter = segmenter_of(predictor, segment, batch_size=spec.evaluate.batch_size)
    split, colours = split_folder(segment, spec.evaluate.split), class_colours(segment)
    pairs = {pair.stem: pair for pair in source_of(segment).pairs(split)} if samples else {}
    for sample in samples:
        pair = load_pair(pairs[sample.score.name], segment)
        ids = segmenter.class_ids(pair.image)
        write_sample(folder, sample, composite(pair.image), ids, pair.ids, colours)


def _check_alone(spec: Spec, topology: Topology) -> None:
    if spec.evaluate.latency.runs and topology.count > 1:
        raise SpecError(
            f"evaluate.latency.runs: {spec.evaluate.latency.runs} is not allowed with "
            f"{topology.count} processes, which would slow each other down; set "
            "evaluate.num_gpus=1"
        )


def _latency(
    path: Path, otherwise: ModelRecord, device: torch.device, spec: Spec
) -> dict[str, float]:
    options = spec.evaluate.latency
    if not options.runs:
        return {}
    with out_of_memory_explained(f"reduce evaluate.latency.batch_size ({options.batch_size})"):
        return measured_latency(path, otherwise=otherwise, device=device, options=options)


@torch.inference_mode()
def _scores(
    predictor: Predictor,
    segment: DatasetSegment,
    spec: Spec,
    folder: Path,
    watchers: list[Reliability],
) -> tuple[Scores, list[_NamedCounts]]:
    """Return the scores, and the counts of each image; write the pictures that are asked for."""
    options, data = spec.evaluate, SegmentationDataset(segment, split=spec.evaluate.split)
    share = share_of(list(range(len(data))))
    loader: DataLoader[dict[str, Tensor]] = DataLoader(
        data, batch_size=options.batch_size, sampler=share, num_workers=segment.workers,
        collate_fn=collated,
    )  # fmt: skip
    segmenter = segmenter_of(predictor, segment, batch_size=options.batch_size)
    corners = segmenter.align_corners
    tally = Tally(segment.num_classes, align_corners=corners, watchers=watchers)
    every = options.vis_after_n_batches
    stems = [data.pairs[index].stem for index in share]
    counts: list[_NamedCounts] = []
    remaining = iter(stems)
    steps, done = StepFile(folder, "measuring"), 0
    for turn, batch in enumerate(loader):
        predictions = scored(segmenter, tally, batch)
        done += len(predictions)
        if number() == 0:
            steps.write(done, len(stems))
        names = list(islice(remaining, len(predictions)))
        counts += [
            (name, counts_of_image(prediction, mask, num_classes=segment.num_classes))
            for name, prediction, mask in zip(names, predictions, _masks(batch), strict=True)
        ]
        if every and turn % every == 0:
            for name, row in _rows(names, batch, predictions, segment):
                _write(folder / PICTURES / f"{name}.png", row)
    if number() == 0:
        steps.remove()
    scores = tally.scores(what=f"the {options.split} split")
    return scores, [image for part in gathered(counts) for image in part]


def _image_counts(counts: list[_NamedCounts], classes: list[str]) -> ImageCounts:
    """Return the counts in the order of the names: processes share the images out."""
    names, rows = zip(*sorted(counts, key=lambda image: image[0]), strict=True)
    return ImageCounts(names, tuple(classes), np.stack(rows))


def _masks(batch: dict[str, Any]) -> list[Tensor]:
    return [item["mask"] for item in batch["items"]] if "items" in batch else list(batch["mask"])


def _rows(
    names: list[str], batch: dict[str, Any], predictions: list[Tensor], segment: DatasetSegment
) -> Iterator[tuple[str, list[Pixels]]]:
    """Yield each name with its image, prediction and truth as pictures HxWx3."""
    colours = class_colours(segment)
    for place, (name, prediction) in enumerate(zip(names, predictions, strict=True)):
        item = (
            batch["items"][place]
            if "items" in batch
            else {key: values[place] for key, values in batch.items()}
        )
        picture = item["picture"].numpy() if "picture" in item else unscaled(item["image"], segment)
        yield (
            name,
            [composite(picture), colours[prediction.cpu().numpy()], colours[item["mask"].numpy()]],
        )


def _write(path: Path, row: list[Pixels]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_picture(path, side_by_side(row))


def _class_table(scores: Scores, names: list[str]) -> list[dict[str, Any]]:
    return [
        {"id": index, "name": name, "pixels": int(scores.matrix[index].sum())}
        | {key: null_if_nan(float(values[index])) for key, values in scores.per_class().items()}
        for index, name in enumerate(names)
    ]
