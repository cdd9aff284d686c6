"""Times an epoch by a few steps, in processes of its own. Loads no torch."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

from segformer.errors import SkillError

LONGEST_S = 300.0
"""After this time the measurement is given up."""


def epoch_seconds(spec: Mapping[str, Any], *, threads: int, at_once: int) -> float:
    """Return the seconds of an epoch, validation included, while `at_once` trainings run.

    Each runs on `threads` threads. Nothing is kept. Raises `SkillError` if a training fails, or is
    too slow to be measured.
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
            process.stdin.write(json.dumps(dict(spec)) + "\n")
            process.stdin.flush()
        return max(_answer(process) for process in processes)
    finally:
        for process in processes:
            process.kill()
            process.communicate()


def _answer(process: "subprocess.Popen[str]") -> float:
    try:
        out, log = process.communicate(timeout=LONGEST_S)
    except subprocess.TimeoutExpired:
        raise SkillError(f"a few steps took more than {LONGEST_S:.0f} s") from None
    if process.returncode:
        lines = log.strip().splitlines() or [f"exit code {process.returncode}"]
        raise SkillError(lines[-1])
    return float(json.loads(out.splitlines()[-1])["seconds"])
