import os
import time

from automl.experiment.memory import PeakMemory, peak_mb
from automl.machine.memory import tree_memory_mb


def test_the_peak_of_the_memory_outlasts_what_took_it_and_is_kept_by_the_next_run(tmp_path):
    before = tree_memory_mb(os.getpid())
    with PeakMemory(tmp_path):
        taken = b"x" * 80_000_000
        time.sleep(1.5)
        del taken
    peak = peak_mb(tmp_path)
    assert peak > before + 70
    with PeakMemory(tmp_path):
        pass
    assert peak_mb(tmp_path) == peak
