"""Times an epoch by a few steps, in processes of its own. Loads no torch."""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from segformer.data.split_file import SplitFile
from segformer.errors import SkillError
from segformer.spec.keys import ROOT
from segformer.spec.overrides import flattened, nested

LONGEST_S = 300.0
"""After this time the measurement is given up."""


@contextmanager
def training_data(spec: Mapping[str, Any], held_out: SplitFile | None) -> Iterator[dict[str, Any]]:
    """Yield a spec whose data have the validation split that the check has made, but not written.

    A training writes it beside the data; here a folder of links has it, and goes again.
    """
    flat = dict(flattened(spec))
    root = Path(flat[ROOT]).absolute()
    if held_out is None or held_out.path.is_file() or held_out.path.absolute().parent != root:
        yield dict(spec)
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for entry in root.iterdir():
            (folder / entry.name).symlink_to(entry)
        replace(held_out, path=folder / held_out.path.name).write()
        yield nested({**flat, ROOT: str(folder)})


def pace(spec: Mapping[str, Any], *, threads: int, at_once: int) -> dict[str, float]:
    """Return the seconds of a start and of an epoch, while `at_once` trainings run.

    `start_s` is the time of a new process up to its first batch, `epoch_s` that of an epoch with
    validation and checkpoints, both of the slowest. Each runs on `threads` threads. Nothing is
    kept. Raises `SkillError` if a training fails, or is too slow to be measured.
    """
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads)}
    command = [sys.executable, "-m", "segformer.training.timed_steps"]
    processes = [
        subprocess.Popen(
            command, env=environment, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        for _ in range(at_once)
    ]  # fmt: skip
    try:
        # All of them get their work before any is waited for.
        for process in processes:
            assert process.stdin is not None
            asked = {"spec": dict(spec), "at": time.monotonic()}
            process.stdin.write(json.dumps(asked) + "\n")
            process.stdin.flush()
        answers = [_answer(process) for process in processes]
        return {name: max(answer[name] for answer in answers) for name in ("start_s", "epoch_s")}
    finally:
        for process in processes:
            process.kill()
            process.communicate()


def _answer(process: "subprocess.Popen[str]") -> dict[str, float]:
    try:
        out, log = process.communicate(timeout=LONGEST_S)
    except subprocess.TimeoutExpired:
        raise SkillError(f"a few steps took more than {LONGEST_S:.0f} s") from None
    if process.returncode:
        lines = log.strip().splitlines() or [f"exit code {process.returncode}"]
        raise SkillError(lines[-1])
    answer: dict[str, float] = json.loads(out.splitlines()[-1])
    return answer
