"""The memory of a process and of all that it started."""

from contextlib import suppress
from pathlib import Path

from automl.machine.leash import children


def tree_memory_mb(pid: int) -> float:
    """Return the memory of a process and its descendants; shared pages count once."""
    total, left = 0.0, [pid]
    while left:
        process = left.pop()
        # A process may end while its files are read.
        with suppress(OSError):
            total += _own_mb(process)
        left += children(process)
    return total


def _own_mb(process: int) -> float:
    for line in Path(f"/proc/{process}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) / 1024
    return 0.0
