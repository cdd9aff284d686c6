"""From a folder of each layout to a promoted model, by `automl run --data DIR` alone.

    python -m experiments.layouts [--bare] OUT [NAME ...]

Writes a tiny set of each layout (tests/helpers/layouts.py) and runs the command on it with nothing
but what shortens it: one trial of one epoch, 64 pixels, no tracker. Prints, for each, the seconds
to the first training step and to the end, the exit code, and whether a model was promoted. With
--bare nothing is shortened: 20 trials of up to 10 epochs on Ray, MLflow, the default size.
"""

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "helpers"))

import layouts

from segformer.storage.step_file import FILE as STEP_FILE

NAMES = (
    "voc", "coco", "cityscapes", "cityscapes_train_ids", "ade20k", "camvid", "camvid_annot_colours",
    "camvid_known_colours", "labelme", "cvat", "cvat_masks", "label_studio", "csv_pairs", "mmseg",
    "split_kind", "kind_split", "suffix", "second_extension", "unsplit", "named_splits",
    "split_groups", "split_lists", "roboflow_masks", "yolo", "camvid_colours",
)  # fmt: skip
SHORTER = (
    "--trials", "1", "--epochs", "1", "--tracker", "none", "--runner", "local",
    "dataset.segment.img_size=64", "dataset.segment.workers=0",
)  # fmt: skip


def _has_begun(folder: Path) -> bool:
    """Whether a step, or a whole epoch since the last look, has been trained."""
    journal = folder / "journal.jsonl"
    is_reported = journal.is_file() and '"report"' in journal.read_text("utf-8")
    return is_reported or any(folder.glob(f"trials/*/{STEP_FILE}"))


def run(name: str, out: Path, *, is_bare: bool) -> dict[str, object]:
    """Run the command on one layout; return what it took and what came out."""
    data, folder = out / "data" / name, out / "runs" / name
    getattr(layouts, name)(data)
    words = [sys.executable, "-m", "automl", "run", "--skill", "segformer", "--data", str(data)]
    started = time.time()
    with (out / f"{name}.log").open("w") as log:
        words += ["--out", str(folder), *(() if is_bare else SHORTER)]
        process = subprocess.Popen(words, stdout=log, stderr=log)
        first = None
        while process.poll() is None:
            if first is None and _has_begun(folder):
                first = round(time.time() - started, 1)
            time.sleep(0.2)
    return {
        "layout": name,
        "first_step_s": first,
        "end_s": round(time.time() - started, 1),
        "exit": process.returncode,
        "promoted": (folder / "promoted" / "model.onnx").is_file(),
    }


def main() -> int:
    """Run all layouts, or those that are named; return 1 if one did not come as far as it must."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("names", nargs="*", default=NAMES)
    parser.add_argument("--bare", action="store_true", help="nothing is shortened")
    arguments = parser.parse_args()
    folder, rows = arguments.out, []
    folder.mkdir(parents=True, exist_ok=True)
    for name in arguments.names:
        rows.append(run(name, folder, is_bare=arguments.bare))
        print(json.dumps(rows[-1]), flush=True)
    (folder / "layouts.json").write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    return 0 if all(row["promoted"] for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
