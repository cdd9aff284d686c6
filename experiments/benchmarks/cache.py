"""Results on disk, one line each, so that a long run can be cut and gone on with.

A result depends on the method's code, the task, the seed's index, the workers and the budget; all
of them are in its key. Several processes may append to the same file.
"""

import fcntl
import json
from dataclasses import asdict, astuple, dataclass
from pathlib import Path

from experiments.benchmarks.clock import Run
from experiments.benchmarks.tasks import Scale


@dataclass(frozen=True)
class Key:
    """What one search is known by."""

    method: str
    version: str
    task: str
    seed: int
    workers: int
    budget: int


class Cache:
    """The results and the tasks' scales in one folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._runs: dict[Key, Run] = {}
        for file in sorted(folder.glob("runs-*.jsonl")):
            for line in file.read_text().splitlines():
                self._take(line)

    def get(self, key: Key) -> Run | None:
        """Return a result, None where it is still to be made."""
        return self._runs.get(key)

    def put(self, key: Key, run: Run) -> None:
        """Add a result to the method's file."""
        self._runs[key] = run
        line = json.dumps({**asdict(key), **asdict(run)})
        _append(self._folder / f"runs-{key.method}.jsonl", line)

    def scale(self, digest: str) -> Scale | None:
        """Return the scale of a task, known by a digest of what it was computed from."""
        file = self._folder / f"scale-{digest}.json"
        return Scale(*json.loads(file.read_text())) if file.exists() else None

    def put_scale(self, digest: str, scale: Scale) -> None:
        """Keep a scale."""
        (self._folder / f"scale-{digest}.json").write_text(json.dumps(astuple(scale)))

    def _take(self, line: str) -> None:
        try:
            known = json.loads(line)
        except json.JSONDecodeError:
            return  # The last line of a run that was cut.
        key = Key(**{name: known.pop(name) for name in Key.__dataclass_fields__})
        self._runs[key] = Run(**{**known, "steps": [(e, v) for e, v in known["steps"]]})


def _append(file: Path, line: str) -> None:
    with file.open("a") as out:
        fcntl.flock(out, fcntl.LOCK_EX)
        out.write(line + "\n")
