"""Results on disk, one line each, so that a long run can be interrupted and resumed.

A result depends on the method's code, the task, the seed's index, the workers and the budget; its
key has all of them. Several processes may append to the same file.
"""

import fcntl
import gzip
import json
from collections.abc import Iterable
from dataclasses import asdict, astuple, dataclass, replace
from pathlib import Path

from experiments.benchmarks.clock import Run
from experiments.benchmarks.measure import BUDGETS
from experiments.benchmarks.tasks import Scale


@dataclass(frozen=True)
class Key:
    """Identifies one search."""

    method: str
    version: str
    task: str
    seed: int
    workers: int
    budget: int
    unit: str = "epochs"
    """What the budget counts: epochs or seconds."""


class Cache:
    """The results and the tasks' scales in one folder, and the results of a kept file."""

    def __init__(self, folder: Path, *, known: Path | None = None) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._runs = kept_in(known) if known else {}
        for file in sorted(folder.glob("runs-*.jsonl")):
            for line in file.read_text().splitlines():
                if result := _result(line):
                    self._runs[result[0]] = result[1]

    def get(self, key: Key) -> Run | None:
        """Return a result; None if the search was not played yet."""
        return self._runs.get(key)

    def put(self, key: Key, run: Run) -> None:
        """Add a result to the method's file."""
        self._runs[key] = run
        _append(self._folder / f"runs-{key.method}.jsonl", _line(key, run))

    def keep(self, keys: Iterable[Key], file: Path) -> None:
        """Add results to a file, with the steps that the figures need.

        Results of an older version of the same method are removed.
        """
        runs = {key: _shortened(self._runs[key]) for key in keys}
        versions = {key.method: key.version for key in runs}
        before = kept_in(file) if file.exists() else {}
        for key, run in before.items():
            if versions.get(key.method, key.version) == key.version:
                runs.setdefault(key, run)
        lines = sorted(_line(key, run) + "\n" for key, run in runs.items())
        file.write_bytes(gzip.compress("".join(lines).encode(), mtime=0))

    def scale(self, digest: str) -> Scale | None:
        """Return the scale of a task, by a digest of its inputs."""
        file = self._folder / f"scale-{digest}.json"
        return Scale(*json.loads(file.read_text())) if file.exists() else None

    def put_scale(self, digest: str, scale: Scale) -> None:
        """Keep a scale."""
        (self._folder / f"scale-{digest}.json").write_text(json.dumps(astuple(scale)))


def kept_in(file: Path) -> dict[Key, Run]:
    """Return the results of a file that `keep` wrote; raises `ValueError` for any other file."""
    try:
        lines = gzip.decompress(file.read_bytes()).decode().splitlines()
        return dict(result for line in lines if (result := _result(line)))
    except (OSError, EOFError, KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{file}: is no file that --keep wrote ({error!r})") from error


def _line(key: Key, run: Run) -> str:
    return json.dumps({**asdict(key), **asdict(run)})


def _result(line: str) -> tuple[Key, Run] | None:
    try:
        fields = json.loads(line)
    except json.JSONDecodeError:
        return None  # The last line of an interrupted run.
    # Results of before there were seconds have no unit.
    key = Key(**{name: fields.pop(name) for name in Key.__dataclass_fields__ if name in fields})
    return key, Run(**{**fields, "steps": [(e, v) for e, v in fields["steps"]]})


def _shortened(run: Run) -> Run:
    """Return a run with only the last step within each budget."""
    last = [max((s[0] for s in run.steps if s[0] <= budget), default=0) for budget in BUDGETS]
    steps = [step for step in run.steps if step[0] in last]
    return replace(run, steps=steps, seconds=round(run.seconds, 3))


def _append(file: Path, line: str) -> None:
    with file.open("a") as out:
        fcntl.flock(out, fcntl.LOCK_EX)
        out.write(line + "\n")
