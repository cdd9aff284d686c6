"""infer.py and model_picture.onnx in an environment of onnxruntime, numpy and Pillow alone.

    python -m experiments.fresh_environment promoted [--per-size 4] [--python FOLDER/bin/python]

Makes the environment with pip (or takes one), draws pictures of ten sizes (odd, portrait, tiny,
4k), runs infer.py there, and compares its masks with those of `segformer inference`, pixel by
pixel. The same for model_picture.onnx, of the pictures that it takes as a whole. Pixels that differ
are looked at: a tie is one whose two best classes differ by less than 1e-3 in their logits.
"""

import argparse
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from segformer.data.windows import is_slid
from segformer.evaluation.predictor import load_described
from segformer.evaluation.segmenter import segmenter_of
from segformer.spec.sections.dataset import DatasetSegment

Pixels = NDArray[np.uint8]
SIZES = ((64, 64), (97, 133), (133, 97), (1, 1), (7, 5), (256, 80), (481, 641), (1080, 720),
         (1280, 1920), (3840, 2160))  # fmt: skip
"""Widths and heights."""
PACKAGES = ("onnxruntime", "numpy", "pillow")
_TIE = 1e-3

_PICTURE = """
import sys
from pathlib import Path
import numpy as np, onnxruntime
from PIL import Image
session = onnxruntime.InferenceSession(sys.argv[1])
for path in map(Path, sys.argv[3:]):
    pixels = np.asarray(Image.open(path).convert("RGB"))
    (mask,) = session.run(["mask"], {"image": pixels})
    Image.fromarray(mask).save(Path(sys.argv[2]) / f"{path.stem}.png")
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("promoted", type=Path, help="folder of model.onnx and infer.py")
    parser.add_argument("--per-size", type=int, default=4)
    parser.add_argument("--python", type=Path, help="of an environment with those packages alone")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        python = options.python or _environment(folder / "env")
        pictures = _pictures(folder / "pictures", options.per_size)
        for each in ("alone", "picture"):
            (folder / each).mkdir()
        home = options.promoted.resolve()
        _run(python, home / "infer.py", *pictures, "--out", folder / "alone")
        keys = {"checkpoint": home / "model.onnx", "images_dir": folder / "pictures",
                "batch_size": 1, "vis_after_n_batches": 0}  # fmt: skip
        words = [f"inference.{key}={value}" for key, value in keys.items()]
        _run(Path(sys.executable), "-m", "segformer", "inference", *words, f"results_dir={folder}")
        expected = folder / "inference/mask_labels"
        _compare("infer.py", pictures, folder / "alone", expected, home)
        if (home / "model_picture.onnx").exists():
            whole = [path for path in pictures if not _is_slid(home, path)]
            _run(python, "-c", _PICTURE, home / "model_picture.onnx", folder / "picture", *whole)
            _compare("model_picture.onnx", whole, folder / "picture", expected, home)


def _environment(folder: Path) -> Path:
    venv.create(folder, with_pip=True)
    _run(folder / "bin/python", "-m", "pip", "install", "-q", *PACKAGES)
    return folder / "bin/python"


def _run(*words: object) -> None:
    command = [str(word) for word in words]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _pictures(folder: Path, per_size: int) -> list[Path]:
    """Draw smooth pictures with noise; every second one is a PNG, the others JPEG."""
    folder.mkdir()
    draw = np.random.default_rng(0)
    paths = []
    for width, height in SIZES:
        for index in range(per_size):
            coarse = draw.integers(0, 256, (9, 13, 3), dtype=np.uint8)
            smooth = Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)
            noise = draw.integers(0, 24, (height, width, 3), dtype=np.uint8)
            pixels = np.clip(np.asarray(smooth).astype(int) + noise, 0, 255).astype(np.uint8)
            path = folder / f"{width}x{height}_{index}.{'png' if index % 2 else 'jpg'}"
            Image.fromarray(pixels).save(path, quality=92)
            paths.append(path)
    return paths


def _is_slid(home: Path, path: Path) -> bool:
    segment = DatasetSegment.model_validate(load_described(home / "model.onnx").record.segment)
    with Image.open(path) as image:
        return is_slid((image.height, image.width), segment)


def _compare(name: str, pictures: list[Path], found: Path, expected: Path, home: Path) -> None:
    predictor = load_described(home / "model.onnx")
    segment = DatasetSegment.model_validate(predictor.record.segment)
    segmenter = segmenter_of(predictor, segment, batch_size=1)
    pixels = differing = ties = equal = 0
    for path in pictures:
        one, other = (_ids(folder / f"{path.stem}.png") for folder in (found, expected))
        wrong = one != other
        pixels, differing, equal = (
            pixels + wrong.size,
            differing + int(wrong.sum()),
            equal + (not wrong.any()),
        )
        if wrong.any():
            with Image.open(path) as image:
                picture = np.asarray(image.convert("RGB"))
            for top, left, scores in segmenter.pieces(picture):
                best = np.sort(scores.numpy(), axis=0)[-2:]
                part = wrong[top:, left:][: scores.shape[1], : scores.shape[2]]
                ties += int(((best[1] - best[0] < _TIE) & part).sum())
    print(
        f"{name}: {equal} of {len(pictures)} pictures equal to segformer inference in all pixels; "
        f"{differing} of {pixels} pixels differ ({differing / pixels:.1e}), {ties} of them ties"
    )


def _ids(path: Path) -> Pixels:
    with Image.open(path) as image:
        return np.asarray(image)


if __name__ == "__main__":
    main()
