"""Large pictures: peak memory, time, and agreement with the tiles that a mosaic is laid of.

    python -m experiments.large_picture [--width 12000] [--height 9000] [--kinds tif png]
        [--ways torch onnx infer.py] [--model FOLDER] [--epochs 30]

Trains EfficientNet-Lite0 on the generated data as experiments.windows does (or takes the folder of
an earlier run by --model), lays validation images in a mosaic and segments it in a process of its
own: by `segformer inference` with the checkpoint and with the ONNX model, and by infer.py.
Agreement is the share of pixels with the class that their tile has by itself, of all and of those
that are an eighth of a tile away from its border.
"""

import argparse
import contextlib
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from PIL import Image

from experiments.windows import spec_of
from segformer.api import load_model
from segformer.data.bands import bands_of
from segformer.data.images import read_image
from segformer.data.png_rows import PngRows
from segformer.data.source import source_of
from segformer.evaluation.predictor import load_described
from segformer.export.graph import metadata_of
from segformer.export.onnx import export
from segformer.skill import skill
from segformer.spec import Spec, parse
from segformer.training.loop import train

Pixels = NDArray[np.uint8]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--width", type=int, default=12000)
    parser.add_argument("--height", type=int, default=9000)
    parser.add_argument("--kinds", nargs="+", choices=("tif", "png", "jpg"), default=["tif", "png"])
    parser.add_argument(
        "--ways", nargs="+", choices=("torch", "onnx", "infer.py"),
        default=["torch", "onnx", "infer.py"],
    )  # fmt: skip
    parser.add_argument("--model", type=Path, help="a folder to train in, or of an earlier run")
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--overlap", type=float, help="of the windows; default: the model's")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        home = options.model or Path(name) / "model"
        spec = _trained(home, options.epochs)
        if options.overlap is not None:
            _set_overlap(home / "model.onnx", options.overlap)
        tiles = _tiles(spec)
        model = load_model(home / "model.onnx")
        ids = [model.segment(tile) for tile in tiles]
        for kind in options.kinds:
            picture = Path(name) / f"mosaic.{kind}"
            _write_mosaic(picture, tiles, options.width, options.height)
            size_mb = picture.stat().st_size / 1e6
            print(f"{kind}: {options.width}x{options.height}, {size_mb:.0f} MB", flush=True)
            for way in options.ways:
                mask, seconds, peak = _segmented(way, home, picture, Path(name) / f"{way}-{kind}")
                whole, inside = _agreement(mask, ids)
                print(
                    f"  {way:9} {seconds:6.0f} s  peak {peak:5.0f} MB  "
                    f"agreement {whole:.4f}, away from seams {inside:.4f}",
                    flush=True,
                )
            picture.unlink()


def _trained(home: Path, epochs: int) -> Spec:
    data = home / "data"
    if not data.exists():
        skill.sample(data, seed=0)
    spec = spec_of(data, epochs=epochs)
    if not (home / "model.onnx").exists():
        best = train(spec, home / "train").artifacts["best"]
        export(parse({**spec.model_dump(), "export": {"checkpoint": str(best)}}), home)
    return spec


def _set_overlap(file: Path, overlap: float) -> None:
    """Record an overlap of windows in an exported model."""
    graph = onnx.load(file)
    record = load_described(file).record
    prediction = {**record.segment["prediction"], "overlap": overlap}
    changed = replace(record, segment={**record.segment, "prediction": prediction})
    onnx.helper.set_model_props(graph, metadata_of(changed))
    onnx.save(graph, file)


def _tiles(spec: Spec) -> list[Pixels]:
    segment = spec.dataset.segment
    images = [read_image(p.image) for p in source_of(segment).pairs(segment.validation_split)]
    height, width = images[0].shape[:2]
    return [np.asarray(Image.fromarray(image).resize((width, height))) for image in images]


def _rows_of_tiles(tiles: list[Pixels], width: int, index: int) -> Pixels:
    """A row of tiles, as wide as the mosaic; each row begins with another tile."""
    count = -(-width // tiles[0].shape[1])
    chosen = [tiles[(index * 7 + column) % len(tiles)] for column in range(count)]
    return np.concatenate(chosen, axis=1)[:, :width]


def _write_mosaic(path: Path, tiles: list[Pixels], width: int, height: int) -> None:
    high = tiles[0].shape[0]
    rows = (_rows_of_tiles(tiles, width, index) for index in range(-(-height // high)))
    if path.suffix == ".png":
        with path.open("wb") as file, PngRows(file, (height, width)) as png:
            left = height
            for row in rows:
                png.add(row[:left])
                left -= len(row[:left])
        return
    whole = np.concatenate(list(rows))[:height]
    settings = {"compression": "tiff_adobe_deflate"} if path.suffix == ".tif" else {"quality": 95}
    Image.fromarray(whole).save(path, **settings)


def _segmented(way: str, home: Path, picture: Path, out: Path) -> tuple[Path, float, float]:
    """Return the mask, the seconds and the peak of the memory in MB of one process."""
    if way == "infer.py":
        command = [sys.executable, str(home / "infer.py"), str(picture), "--out", str(out)]
        mask = out / f"{picture.stem}.png"
    else:
        (out / "images").mkdir(parents=True)
        (out / "images" / picture.name).symlink_to(picture)
        model = home / "model.onnx" if way == "onnx" else home / "train/checkpoints/best.ckpt"
        command = [
            sys.executable, "-m", "segformer", "inference", f"inference.checkpoint={model}",
            f"inference.images_dir={out / 'images'}", f"results_dir={out}",
            "inference.vis_after_n_batches=0",
        ]  # fmt: skip
        mask = out / "inference/mask_labels" / f"{picture.stem}.png"
    began, peak = time.monotonic(), 0.0
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        while process.poll() is None:
            peak = max(peak, _peak_mb(process.pid))
            time.sleep(0.1)
    if process.returncode:
        raise SystemExit(f"{command}: exit {process.returncode}")
    return mask, time.monotonic() - began, peak


def _peak_mb(process: int) -> float:
    """The peak of a process's memory; not `ru_maxrss`, in which that of its parent counts."""
    with contextlib.suppress(OSError):
        lines = Path(f"/proc/{process}/status").read_text().splitlines()
        return max((int(x.split()[1]) / 1024 for x in lines if x.startswith("VmHWM:")), default=0.0)
    return 0.0


def _agreement(mask: Path, ids: list[Pixels]) -> tuple[float, float]:
    read = bands_of(mask, lambda image: np.asarray(image))
    (height, width), (high, wide) = read.size, ids[0].shape
    away = np.zeros((high, wide), dtype=np.bool_)
    away[high // 8 : high - high // 8, wide // 8 : wide - wide // 8] = True
    inside = np.tile(away, -(-width // wide))[:, :width]
    same = same_inside = total_inside = 0
    for index, top in enumerate(range(0, height, high)):
        found = read.rows(top, min(top + high, height))
        equal = found == _rows_of_tiles(ids, width, index)[: len(found)]
        within = inside[: len(found)]
        same += int(equal.sum())
        same_inside += int(equal[within].sum())
        total_inside += int(within.sum())
    return same / (height * width), same_inside / total_inside


if __name__ == "__main__":
    main()
