"""The load of the machine that this process runs on: processors and memory."""

import os
from contextlib import suppress
from pathlib import Path

from automl.formats import size

_MEMORY = Path("/proc/meminfo")


def machine_load() -> str:
    """Return the load of the last minute and the memory in use; memory only where /proc has it."""
    text = f"load {os.getloadavg()[0]:.1f} on {_cores()} cores"
    with suppress(OSError, KeyError, ValueError):
        used, whole = _memory()
        text += f", memory {size(used)} of {size(whole)}"
    return text


def machine_metrics() -> dict[str, float]:
    """Return the load of each core and the share of the memory in use, in percent."""
    metrics = {"load_per_core": os.getloadavg()[0] / _cores()}
    with suppress(OSError, KeyError, ValueError):
        used, whole = _memory()
        metrics["memory_percent"] = 100 * used / whole
    return metrics


def _cores() -> int:
    return os.cpu_count() or 1


def _memory() -> tuple[int, int]:
    """Return the bytes in use and those of the machine."""
    lines = (line.partition(":") for line in _MEMORY.read_text().splitlines())
    kilobytes = {name: int(rest.split()[0]) for name, _, rest in lines}
    whole = kilobytes["MemTotal"]
    return (whole - kilobytes["MemAvailable"]) * 1024, whole * 1024
