"""The environment of a training: machine, device, threads, versions, commits. Loads no library."""

import functools
import os
import platform
import subprocess
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

FILE = "environment.json"
"""In a trial's folder; written by the process that trains."""
_LIBRARIES = (
    "torch", "pytorch-lightning", "transformers", "numpy", "pillow",
    "ray", "optuna", "mlflow", "onnx", "onnxruntime",
)  # fmt: skip
NVIDIA = Path("/proc/driver/nvidia/gpus")
"""Has a folder for each GPU that the driver knows."""
THREADS = "OMP_NUM_THREADS"


def environment(skill_folder: Path) -> dict[str, Any]:
    """Return all but the spec that the numbers of a training in this process may depend on."""
    entries = {
        "host": platform.node(),
        "platform": f"{platform.system()} {platform.machine()}",
        "processor": _processor(),
        "device": _device(),
        "gpus": os.environ.get("CUDA_VISIBLE_DEVICES") or None,
        "threads": threads(),
        "commit": commit(Path(__file__).parent),
        "skill_commit": commit(skill_folder),
        "versions": versions(),
    }
    return {name: value for name, value in entries.items() if value is not None}


def threads() -> int:
    """Return how many threads a library uses: OMP_NUM_THREADS, or all cores of this process."""
    setting = os.environ.get(THREADS, "")
    if setting.isdecimal():
        return int(setting)
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


@functools.cache
def versions() -> dict[str, str]:
    """Return the versions of Python and of the libraries that are installed."""
    installed = {"python": platform.python_version()}
    for name in _LIBRARIES:
        try:
            installed[name] = version(name)
        except PackageNotFoundError:
            continue
    return installed


@functools.cache
def commit(folder: Path) -> str | None:
    """Return the git commit of a folder's files, with -dirty if they were changed.

    None if the folder is in no repository, or in one that does not track it.
    """
    try:
        if not _git(folder, "ls-files", "."):
            return None
        head = _git(folder, "rev-parse", "HEAD")
        return f"{head}-dirty" if _git(folder, "status", "--porcelain", "-uno") else head
    except (OSError, subprocess.SubprocessError):
        return None


def differences(
    then: Mapping[str, Any], now: Mapping[str, Any], *, prefix: str = ""
) -> dict[str, tuple[Any, Any]]:
    """Return the entries that differ between two environments, by dotted name: then and now."""
    changes: dict[str, tuple[Any, Any]] = {}
    for name in dict.fromkeys((*then, *now)):
        one, other = then.get(name), now.get(name)
        if isinstance(one, Mapping) and isinstance(other, Mapping):
            changes |= differences(one, other, prefix=f"{prefix}{name}.")
        elif one != other:
            changes[f"{prefix}{name}"] = (one, other)
    return changes


def _git(folder: Path, *words: str) -> str:
    done = subprocess.run(
        ["git", "-C", str(folder), *words], capture_output=True, text=True, timeout=20, check=True
    )
    return done.stdout.strip()


def _processor() -> str:
    path = Path("/proc/cpuinfo")
    for line in path.read_text().splitlines() if path.exists() else ():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _device() -> str:
    """Return the names of the NVIDIA GPUs that this process may use, else cpu."""
    names = []
    for path in sorted(NVIDIA.glob("*/information")):
        names += [
            line.partition(":")[2].strip()
            for line in path.read_text().splitlines()
            if line.startswith("Model:")
        ]
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        numbers = [int(part) for part in visible.split(",") if part.strip().isdecimal()]
        names = [names[n] for n in numbers if n < len(names)]
    return ", ".join(names) or "cpu"
