"""From a folder of each layout to a promoted model, by `automl run --data DIR` alone.

    python -m experiments.layouts OUT [NAME ...]

Writes a tiny set of each layout (tests/helpers/layouts.py) and runs the command on it with nothing
but what shortens it: one trial of one epoch, 64 pixels, no tracker. Prints, for each, the seconds
to the first training step and to the end, the exit code, and whether a model was promoted.
"""

import json
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "helpers"))

import layouts

from segformer.storage.step_file import FILE as STEP_FILE

NAMES = (
    "voc", "coco", "cityscapes", "cityscapes_train_ids", "ade20k", "camvid",
    "camvid_annot_colours", "labelme", "cvat", "cvat_masks", "label_studio", "csv_pairs", "mmseg",
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


def run(name: str, out: Path) -> dict[str, object]:
    """Run the command on one layout; return what it took and what came out."""
    data, folder = out / "data" / name, out / "runs" / name
    getattr(layouts, name)(data)
    words = [sys.executable, "-m", "automl", "run", "--skill", "segformer", "--data", str(data)]
    started = time.time()
    with (out / f"{name}.log").open("w") as log:
        process = subprocess.Popen([*words, "--out", str(folder), *SHORTER], stdout=log, stderr=log)
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
    """Run all layouts, or those that are named; return 1 if one has no promoted model."""
    out, *names = sys.argv[1:]
    folder, rows = Path(out), []
    folder.mkdir(parents=True, exist_ok=True)
    for name in names or NAMES:
        rows.append(run(name, folder))
        print(json.dumps(rows[-1]), flush=True)
    (folder / "layouts.json").write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    return 0 if all(row["promoted"] for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
