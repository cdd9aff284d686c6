"""Python, processor, GPU, TensorRT, disk and Ray of this machine."""

import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from automl.doctor.check import OK, PROBLEM, WARNING, Check, in_child
from automl.formats import size
from automl.version import install_command

LEAST_PYTHON = (3, 11)
LITTLE_DISK, TOO_LITTLE_DISK = 10e9, 1e9
LITTLE_MEMORY = 4e9


def python() -> Check:
    """Check the version of Python."""
    found = f"{sys.version.split()[0]} in {sys.prefix}"
    if sys.version_info < LEAST_PYTHON:
        return Check("Python", PROBLEM, found, "install Python 3.11 or newer")
    return Check("Python", OK, found)


def processor() -> Check:
    """Check cores and memory."""
    cores = len(os.sched_getaffinity(0))
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    found = f"{cores} cores, {size(memory)} of memory"
    if memory < LITTLE_MEMORY:
        return Check("CPU", WARNING, found, "run one trial at a time: --concurrency 1")
    return Check("CPU", OK, found)


def gpu() -> Check:
    """Check whether torch sees the GPUs that the driver sees."""
    cards, driver = _cards()
    code = "import torch; print(torch.__version__, torch.cuda.device_count(), torch.version.cuda)"
    done = in_child(code)
    if done.error:
        return Check(
            "GPU", PROBLEM, f"torch cannot be imported: {done.error}", install_command("all")
        )
    torch, count, cuda = done.output.split()
    if not cards:
        return Check("GPU", OK, f"none, trials run on the CPU (torch {torch})")
    found = f"{', '.join(cards)}; driver {driver}; torch {torch}"
    if cuda == "None":
        advice = f"install a build of torch for CUDA: pip install --force-reinstall torch=={torch}"
        return Check("GPU", WARNING, f"{found}, a build without CUDA", advice.split("+")[0])
    if count == "0":
        advice = f"update the driver to one for CUDA {cuda}, and check CUDA_VISIBLE_DEVICES"
        return Check("GPU", WARNING, f"{found}, which sees none of them", advice)
    return Check("GPU", OK, f"{found} for CUDA {cuda} sees {count}")


def _cards() -> tuple[list[str], str]:
    """Return the names of NVIDIA's GPUs and the version of their driver."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return [], ""
    asked = "--query-gpu=name,memory.total,driver_version"
    command = [program, asked, "--format=csv,noheader"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    if done.returncode != 0:
        return [], ""
    rows = [line.split(", ") for line in done.stdout.splitlines() if line.count(", ") == 2]
    return [f"{name} ({memory})" for name, memory, _ in rows], rows[0][2] if rows else ""


def tensorrt() -> Check:
    """Check for a TensorRT that builds engines."""
    _, driver = _cards()
    for module in ("tensorrt", "tensorrt_rtx"):
        if find_spec(module) is None:
            continue
        done = in_child(f"import {module}; print({module}.__version__)")
        if done.error:
            advice = f"reinstall it, or uninstall {module}"
            return Check("TensorRT", WARNING, f"{module} cannot be imported: {done.error}", advice)
        runs = f"driver {driver}" if driver else "no NVIDIA driver: engines are built, not measured"
        return Check("TensorRT", OK, f"{module} {done.output}; {runs}")
    advice = "for engines: pip install tensorrt (with a GPU), else " + install_command("trt")
    return Check("TensorRT", WARNING, "not installed", advice)


def disk(store: Path) -> Check:
    """Check the free space for the experiments."""
    folder = store.resolve()
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    found = f"{size(free)} free in {folder}"
    if not os.access(folder, os.W_OK):
        return Check("disk", PROBLEM, f"{found}, which cannot be written", "give --out elsewhere")
    if free < TOO_LITTLE_DISK:
        return Check("disk", PROBLEM, found, "free some space, or give --out on another disk")
    if free < LITTLE_DISK:
        advice = "a trial keeps up to three checkpoints: see automl run --dry-run for the size"
        return Check("disk", WARNING, found, advice)
    return Check("disk", OK, found)


def ray(*, is_quick: bool) -> Check:
    """Start Ray and run a task on it; `is_quick`: only import it."""
    advice = "use --runner local, one trial at a time in one process, until Ray starts"
    if is_quick:
        done = in_child("import ray; print(ray.__version__)")
    else:
        done = in_child(
            "import os, time; os.environ['RAY_USAGE_STATS_ENABLED'] = '0'; t = time.time()\n"
            # Without "local" it would join whatever cluster was last started on this machine.
            "import ray; ray.init('local', include_dashboard=False, log_to_driver=False)\n"
            "ray.get(ray.remote(lambda: 1).remote())\n"
            "print(ray.__version__, f'{time.time() - t:.1f}'); ray.shutdown()"
        )
    if done.error:
        verb = "be imported" if is_quick else "start"
        return Check("Ray", PROBLEM, f"cannot {verb}: {done.error}", advice)
    if is_quick:
        return Check("Ray", OK, f"{done.output} can be imported; not started (--quick)")
    version, seconds = done.output.split()
    return Check("Ray", OK, f"{version} started and ran a task in {seconds} s")
