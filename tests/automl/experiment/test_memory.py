import subprocess
import sys
from pathlib import Path

from automl.experiment.memory import PeakMemory, peak_mb

WATCHED = """
import os, sys, time
from pathlib import Path
from automl.experiment.memory import PeakMemory
from automl.machine.memory import tree_memory_mb
print(tree_memory_mb(os.getpid()))
with PeakMemory(Path(sys.argv[1])):
    taken = b"x" * 80_000_000
    time.sleep(1.5)
    del taken
"""


def _watch(folder: Path) -> float:
    """Watch a process of its own, beside which no child of another test ends."""
    words = [sys.executable, "-c", WATCHED, str(folder)]
    return float(subprocess.run(words, capture_output=True, text=True, check=True).stdout)


def test_the_peak_of_the_memory_outlasts_what_took_it_and_is_kept_by_the_next_run(tmp_path):
    before = _watch(tmp_path)
    peak = peak_mb(tmp_path)
    assert before + 70 < peak < before + 110
    (tmp_path / "memory.json").write_text('{"peak_mb": 1e6}')
    with PeakMemory(tmp_path):
        pass
    assert peak_mb(tmp_path) == 1e6
