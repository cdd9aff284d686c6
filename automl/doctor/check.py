"""One check of the doctor, and running code that may crash in a child process."""

import subprocess
import sys
from dataclasses import asdict, dataclass
from typing import Any

from automl.redact import redacted

OK, WARNING, PROBLEM = "ok", "warning", "problem"
_CHILD_TIMEOUT_S = 120


@dataclass(frozen=True)
class Check:
    """A finding about one part of the machine, and what to do about it."""

    name: str
    status: str
    """ok, warning (slower, or something is missing that is not always needed) or problem."""
    found: str
    advice: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return the plain form of ``--json``."""
        return asdict(self)


@dataclass(frozen=True)
class Done:
    """The last line that a child printed, or the last of its error; the other is empty."""

    output: str
    error: str


def in_child(code: str) -> Done:
    """Run Python code in a child process and return its last line of output or error."""
    try:
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", code],
            capture_output=True, text=True, timeout=_CHILD_TIMEOUT_S, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return Done("", f"no answer within {_CHILD_TIMEOUT_S} s")
    if done.returncode != 0:
        return Done("", _last(done.stderr) or f"the process ended with {done.returncode}")
    return Done(_last(done.stdout), "")


def _last(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return redacted(lines[-1]) if lines else ""
