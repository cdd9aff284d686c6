"""The load of the machine that watches, in one line: processors and memory."""

import os
from contextlib import suppress
from pathlib import Path

from automl.formats import size

_MEMORY = Path("/proc/meminfo")


def machine_load() -> str:
    """Return the load of the last minute and the memory in use; memory only where /proc has it."""
    load, cores = os.getloadavg()[0], os.cpu_count() or 1
    text = f"load {load:.1f} on {cores} cores"
    with suppress(OSError, KeyError, ValueError):
        lines = (line.partition(":") for line in _MEMORY.read_text().splitlines())
        kilobytes = {name: int(rest.split()[0]) for name, _, rest in lines}
        whole, free = kilobytes["MemTotal"], kilobytes["MemAvailable"]
        text += f", memory {size((whole - free) * 1024)} of {size(whole * 1024)}"
    return text
