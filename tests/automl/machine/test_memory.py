import os
import subprocess
import sys

from automl.machine.memory import tree_memory_mb


def test_the_memory_of_a_process_counts_its_children():
    hold = (
        "b = bytearray(80_000_000); b[::4096] = bytes(len(b[::4096])); print(flush=True); input()"
    )
    alone = tree_memory_mb(os.getpid())
    child = subprocess.Popen(
        [sys.executable, "-c", hold], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    child.stdout.readline()
    assert tree_memory_mb(os.getpid()) > alone + 75
    child.communicate("\n")
    assert tree_memory_mb(os.getpid()) < alone + 75
