"""Trains on 200 corrupted data sets, each by the real command, and prints a verdict for each.

    PYTHONPATH=. python experiments/corrupted_data.py [--count 200] [--out FOLDER]

A set is either trained on rightly (exit code 0, and the pairs are read as the corruption left them)
or refused by name before the first step (exit code 2, the name of a damaged file, nothing written).
Any other result counts as wrong and makes the script's exit code 1.
"""

import argparse
import json
import multiprocessing
import os
import queue
import shutil
import sys
import tempfile
import time
from collections import Counter
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent / "tests" / "helpers"))

import corruptions_images  # noqa: F401 - registers its corruptions
import corruptions_masks  # noqa: F401
import numpy as np
import yaml
from corruptions import Case, corrupted, write_base

from segformer.cli import main as segformer_main
from segformer.data.load import load_pair
from segformer.data.pairs import find_pairs
from segformer.spec import parse

LONGEST_S = 120
"""Of processor time, for one set: on a busy machine wall time says nothing."""
LONGEST_WAIT_S = 3600
"""Without an answer, for a process that waits for ever and needs no processor."""
SETTINGS = {
    "dataset.segment.img_size": 32,
    "dataset.segment.batch_size": 2,
    "dataset.segment.workers": 0,
    "model.decode_head.decoder_params.embed_dim": 16,
    "train.num_epochs": 1,
    "train.optim.lr": 1e-3,
}


def verdict_of(case: Case, results: Path) -> str:
    """Run the command on a set; return "trained rightly", "refused by name", or the fault."""
    output = StringIO()
    words = [f"{key}={value}" for key, value in SETTINGS.items()]
    words += [f"dataset.segment.root_dir={case.folder}", f"results_dir={results}"]
    try:
        with redirect_stderr(output), redirect_stdout(StringIO()):
            code = segformer_main(["train", *words])
    except Exception as error:  # A crash of any kind is a result here.
        return f"crashed: {type(error).__name__}: {error}"
    if code == 2:
        if results.exists():
            return f"refused late: {output.getvalue()}"
        return refusal_of(case, output.getvalue())
    if code != 0:
        return f"failed with {code}: {output.getvalue()}"
    if case.is_harmful:
        return "wrongly accepted"
    return reading_of(case, yaml.safe_load((results / "train" / "experiment.yaml").read_text()))


def refusal_of(case: Case, text: str) -> str:
    """Return whether the refusal was due and its text names the damaged files."""
    if "Traceback" in text:
        return f"refused with a trace: {text}"
    if not case.is_harmful:
        return f"wrongly refused: {text}"
    harms = [names for _, expected, names in case.done if expected == "harmful"]
    unnamed = [names for names in harms if not any(name in text for name in names)]
    return f"refused without the name {unnamed}: {text}" if unnamed else "refused by name"


def reading_of(case: Case, spec: dict[str, Any]) -> str:
    """Return whether a training reads what the corruption says the files hold."""
    segment = parse(spec).dataset.segment
    splits = dict.fromkeys((segment.train_split, segment.validation_split, segment.test_split))
    pairs = {(s, pair.stem): pair for s in splits for pair in find_pairs(case.folder, s).pairs}
    if set(pairs) != set(case.truth):
        return f"wrong pairs: {sorted(set(pairs) ^ set(case.truth))}"
    for key, truth in case.truth.items():
        loaded = load_pair(pairs[key], segment)
        if not np.array_equal(loaded.ids, truth.ids):
            return f"wrong mask: {key}"
        if loaded.image.shape != truth.image.shape:
            return f"wrong image size: {key}"
        if np.abs(loaded.image.astype(int) - truth.image).mean() > truth.tolerance:
            return f"wrong image: {key}"
    return "trained rightly"


def _work(base: Path, folder: Path, seeds: Any, answers: Any) -> None:
    for seed in iter(seeds.get, None):
        answers.put((seed, None, []))
        case = corrupted(base, folder / f"{seed}", seed=seed)
        verdict = verdict_of(case, folder / f"results-{seed}")
        answers.put((seed, verdict, [(name, expected) for name, expected, _ in case.done]))
        for used in (case.folder, folder / f"results-{seed}"):
            shutil.rmtree(used, ignore_errors=True)


class Limit:
    """Whether the worker is still within the time of one set."""

    def __init__(self, pid: int | None) -> None:
        self._pid, self._since = pid, time.monotonic()
        self._used_s = processor_s(pid)

    def is_kept(self) -> bool:
        """Whether neither the processor time nor the wait is over."""
        used_s = processor_s(self._pid) - self._used_s
        return used_s < LONGEST_S and time.monotonic() - self._since < LONGEST_WAIT_S


def processor_s(pid: int | None) -> float:
    """Return the processor time of a process and of its children that ended; 0 if it is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--out", type=Path, help="where verdicts.jsonl is written")
    options = parser.parse_args()
    context = multiprocessing.get_context("spawn")
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory(prefix="corrupted-") as name:
        base, start = write_base(Path(name) / "base"), time.monotonic()
        seeds, answers = context.Queue(), context.Queue()
        for seed in range(options.first, options.first + options.count):
            seeds.put(seed)
        seeds.put(None)
        worker = context.Process(target=_work, args=(base, Path(name), seeds, answers))
        worker.start()
        running = options.first
        limit = Limit(worker.pid)
        while len(rows) < options.count:
            try:
                seed, verdict, done = answers.get(timeout=1)
            except queue.Empty:
                if worker.is_alive() and limit.is_kept():
                    continue
                verdict, done = ("hung" if worker.is_alive() else "killed its process"), []
                worker.kill()
                worker = context.Process(target=_work, args=(base, Path(name), seeds, answers))
                worker.start()
                seed = running
            running, limit = seed, Limit(worker.pid)
            if verdict is not None:
                rows.append({"seed": seed, "verdict": verdict, "done": done})
                print(json.dumps(rows[-1]), flush=True)
        worker.join()
        seconds = time.monotonic() - start
    if options.out:
        options.out.mkdir(parents=True, exist_ok=True)
        text = "".join(json.dumps(row) + "\n" for row in rows)
        (options.out / "verdicts.jsonl").write_text(text)
    counts = Counter(row["verdict"].partition(":")[0] for row in rows)
    print(f"{len(rows)} sets, {len({n for r in rows for n, _ in r['done']})} corruptions, "
          f"{seconds:.0f} s: {dict(counts)}")  # fmt: skip
    return 0 if set(counts) <= {"trained rightly", "refused by name"} else 1


if __name__ == "__main__":
    sys.exit(main())
