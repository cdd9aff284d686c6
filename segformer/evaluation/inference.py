"""The inference action: masks and overlays of unlabelled images."""

import json
import logging
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import torch
from numpy.typing import NDArray

from segformer.action import write_spec
from segformer.data.labels import class_names
from segformer.data.large import LargePicture, bands_in, read_picture
from segformer.data.overlay import class_colours, overlay
from segformer.data.pairs import SUFFIXES, image_files, is_utf8, other_files
from segformer.data.png_rows import PngRows
from segformer.data.source import images_of
from segformer.data.windows import Size
from segformer.errors import DataError, SpecError
from segformer.evaluation.image_size import with_trained_size
from segformer.evaluation.pictures import Pixels, mask_png
from segformer.evaluation.predictor import Predictor, load_predictor, model_file
from segformer.evaluation.segmenter import Segmenter, said_of_windows, segmenter_of
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

_log = logging.getLogger(__name__)

Row = dict[str, Any]

_NAMED = 5
"""Files of another kind that a warning names."""

MASKS, OVERLAYS = "mask_labels", "vis_overlay"
"""The output folders, named as in TAO."""
PROBABILITIES = "probabilities"
Strip = tuple[int, Pixels, NDArray[np.float16] | None]
"""The top of some rows of a picture, their class ids hxW, and their probabilities hxWxC."""
Segmented = tuple[Path, Pixels | LargePicture, Iterable[Strip]]


def infer(spec: Spec, folder: Path) -> Result:
    """Segment the images of a folder or of `predict_split` into `folder`.

    Every image gets mask_labels/<stem>.png with class ids, at the size of the image. Those of every
    `vis_after_n_batches`-th batch, including the first, also get vis_overlay/<stem>.png, the image
    under the colours of its classes; with `probabilities` there is probabilities/<stem>.npy, too.
    results.json lists them with the pixels of each class. The
    classes come from the model's record if it has one. Images that cannot be read are named in a
    `DataError` after all others are done. The results of an earlier inference in the folder are
    removed first. Raises `SpecError`, `CheckpointError`,
    `OutOfMemoryError`.
    """
    replaces = ("results.json", MASKS, OVERLAYS, PROBABILITIES)
    return run_action("inference", spec, folder, infer_here, replaces=replaces)


def infer_here(
    spec: Spec, folder: Path, topology: Topology, report: Report | None = None
) -> Result:
    """Segment a share of the images, as one of the processes of a topology."""
    path, device = model_file("inference", spec), topology.device_of(number())
    predictor = load_predictor(path, otherwise=ModelRecord.of(spec), device=device)
    if number() == 0:
        write_spec(with_trained_size(spec, predictor.record), folder)
    own = DatasetSegment.model_validate(predictor.record.segment)
    shaped = predictor.record.shaped(spec.dataset.segment)
    segment = own.model_copy(update={"prediction": shaped.prediction, "bands": shaped.bands})
    images = share_of(_images(spec))
    size = f"images are {size_text(segment.size)} px"
    with out_of_memory_explained(
        f"reduce inference.batch_size ({spec.inference.batch_size}; {size})"
    ):
        outcomes = list(_segmented(predictor, images, segment, spec, folder))
    # All processes gather before any raises, so that none is left waiting.
    rows, faults = _rows_and_faults([each for part in gathered(outcomes) for each in part])
    content = {"checkpoint": str(path), "classes": class_names(segment), "images": rows}
    file = folder / "results.json"
    if number() == 0:
        with replacing(file) as part:
            part.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    if faults:
        others = [f"the other {len(rows)} images are segmented in {folder}"] if rows else []
        raise DataError([*faults, *others])
    artifacts = {"masks": folder / MASKS, "overlays": folder / OVERLAYS, "results": file}
    if spec.inference.probabilities:
        artifacts["probabilities"] = folder / PROBABILITIES
    return Result(artifacts, {"images": float(len(rows))})


def _rows_and_faults(outcomes: list[Row | DataError]) -> tuple[list[Row], list[str]]:
    """The rows in order of image name, and the faults of the images without a row."""
    rows = [each for each in outcomes if not isinstance(each, DataError)]
    faults = [fault for each in outcomes if isinstance(each, DataError) for fault in each.faults]
    return sorted(rows, key=lambda row: str(row["image"])), sorted(faults)


def images_in(folder: Path) -> list[Path]:
    """Return the images of a folder in order; raises `DataError` if two share a stem."""
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder of images")
    images: dict[str, Path] = {}
    if others := other_files(folder):
        names = ", ".join(path.name for path in others[:_NAMED])
        _log.warning("%d files are not images and are skipped: %s", len(others), names)
    for path in image_files(folder):
        if not is_utf8(path.name):
            raise DataError(f"{folder}: the name of {ascii(path.name)} is not UTF-8; rename it")
        if path.stem in images:
            raise DataError(f"{path}: has the same stem as {images[path.stem].name}; rename one")
        images[path.stem] = path
    if not images:
        raise DataError(f"{folder}: holds no {' '.join(SUFFIXES)} files")
    return list(images.values())


@dataclass(frozen=True)
class _Writer:
    """Writes the mask and the overlay of an image."""

    folder: Path
    colours: Pixels
    names: list[str]

    def write(
        self,
        path: Path,
        picture: Pixels | LargePicture,
        strips: Iterable[Strip],
        *,
        is_shown: bool,
        has_probabilities: bool,
    ) -> Row:
        """Write a picture whose class ids come in strips of rows; return its row of the results."""
        name, shown = f"{path.stem}.png", bands_in(picture)
        counts = np.zeros(len(self.names), dtype=np.int64)
        height, width = shown.size
        with ExitStack() as stack:
            file = stack.enter_context(_written(self.folder / MASKS / name))
            mask, over = stack.enter_context(mask_png(file, shown.size, self.colours)), None
            if is_shown:
                file = stack.enter_context(_written(self.folder / OVERLAYS / name))
                over = stack.enter_context(PngRows(file, shown.size))
            shares = None
            if has_probabilities:
                shape = (height, width, len(self.names))
                shares = stack.enter_context(
                    _written(self.folder / PROBABILITIES / f"{path.stem}.npy")
                )
                header = {"descr": "<f2", "fortran_order": False, "shape": shape}
                np.lib.format.write_array_header_1_0(shares, header)
            for top, ids, probabilities in strips:
                mask.add(ids)
                if shares is not None and probabilities is not None:
                    shares.write(probabilities.astype("<f2").tobytes())
                if over is not None:
                    over.add(overlay(shown.rows(top, top + len(ids)), ids, self.colours))
                counts += np.bincount(ids.ravel(), minlength=len(self.names))
        return {
            "image": str(path),
            "mask": f"{MASKS}/{name}",
            "overlay": f"{OVERLAYS}/{name}" if is_shown else None,
            "width": width,
            "height": height,
            "pixels": dict(zip(self.names, counts.tolist(), strict=True)),
        }


@contextmanager
def _written(path: Path) -> Iterator[BinaryIO]:
    """Open a file to write, and remove it if the block fails."""
    try:
        with path.open("wb") as file:
            yield file
    except BaseException:
        path.unlink(missing_ok=True)
        raise


@torch.inference_mode()
def _segmented(
    predictor: Predictor, paths: list[Path], segment: DatasetSegment, spec: Spec, folder: Path
) -> Iterator[Row | DataError]:
    """Yield the row of each image, or the reason why it could not be read."""
    has_probabilities = spec.inference.probabilities
    for name in (MASKS, OVERLAYS, *([PROBABILITIES] if has_probabilities else [])):
        (folder / name).mkdir(parents=True, exist_ok=True)
    every, size = spec.inference.vis_after_n_batches, spec.inference.batch_size
    writer = _Writer(folder, class_colours(segment), class_names(segment))
    segmenter = segmenter_of(predictor, segment, batch_size=size)
    is_said = False
    for turn, images in enumerate(
        _batches(paths, size, segment, workers=spec.dataset.segment.workers)
    ):
        yield from (image for _, image in images if isinstance(image, DataError))
        readable = [(path, image) for path, image in images if not isinstance(image, DataError)]
        if not readable:
            continue
        is_shown = every > 0 and turn % every == 0
        if has_probabilities:
            ready = _with_probabilities(segmenter, readable, predictor.record.temperature)
        else:
            ready = _in_strips(segmenter, readable)
        for path, picture, strips in ready:
            size_there = _size_of(picture)
            if not is_said and (line := said_of_windows(path, size_there, segment)):
                _log.warning(line)
                is_said = True
            try:
                yield writer.write(
                    path, picture, strips, is_shown=is_shown, has_probabilities=has_probabilities
                )
            except DataError as error:  # Of a large picture, which is read meanwhile.
                yield error


def _with_probabilities(
    segmenter: Segmenter, pictures: list[tuple[Path, Pixels | LargePicture]], temperature: float
) -> Iterator[Segmented]:
    """Yield pictures with their class ids and probabilities in strips, each by itself."""
    for path, picture in pictures:
        yield path, picture, segmenter.probable_strips(bands_in(picture), temperature)


def _in_strips(
    segmenter: Segmenter, pictures: list[tuple[Path, Pixels | LargePicture]]
) -> Iterator[Segmented]:
    """Yield pictures with their class ids in strips: the large ones last, each by itself."""
    held = [(path, each) for path, each in pictures if not isinstance(each, LargePicture)]
    masks = segmenter.class_ids_of([each for _, each in held]) if held else ()
    for (path, each), ids in zip(held, masks, strict=True):
        yield path, each, [(0, ids, None)]
    for path, picture in pictures:
        if isinstance(picture, LargePicture):
            strips = segmenter.strips(picture.bands())
            yield path, picture, ((top, ids, None) for top, ids in strips)


def _size_of(picture: Pixels | LargePicture) -> Size:
    return picture.size if isinstance(picture, LargePicture) else picture.shape[:2]


def _batches(
    paths: list[Path], size: int, segment: DatasetSegment, *, workers: int
) -> Iterator[list[tuple[Path, Pixels | LargePicture | DataError]]]:
    # Threads suffice: Pillow releases the interpreter lock while it decodes.
    with ThreadPoolExecutor(max_workers=max(1, workers)) as pool:
        for start in range(0, len(paths), size):
            chunk = paths[start : start + size]
            yield list(zip(chunk, pool.map(partial(_read, segment=segment), chunk), strict=True))


def _read(path: Path, *, segment: DatasetSegment) -> Pixels | LargePicture | DataError:
    try:
        return read_picture(path, segment)
    except DataError as error:
        return error


def _images(spec: Spec) -> list[Path]:
    """The images of the folder; or those of a split in another layout, whose masks are unused."""
    folder, segment = _image_folder(spec), spec.dataset.segment
    if spec.inference.images_dir or folder.is_dir():
        return images_in(folder)
    return images_of(segment, segment.predict_split)


def _image_folder(spec: Spec) -> Path:
    """The folder of images: `inference.images_dir`, or else that of the split."""
    if spec.inference.images_dir:
        return Path(spec.inference.images_dir)
    segment = spec.dataset.segment
    if not segment.root_dir:
        raise SpecError(
            "inference.images_dir: is not set; give inference.images_dir=FOLDER, or"
            " dataset.segment.root_dir=FOLDER and dataset.segment.predict_split"
        )
    return Path(segment.root_dir) / "images" / segment.predict_split
