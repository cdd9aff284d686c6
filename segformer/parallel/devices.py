"""The devices of an action on this machine; without torch, which takes a second to load."""

from pathlib import Path
from typing import Literal

from segformer.errors import SpecError
from segformer.spec.sections.devices import Devices

_DRIVERS = ("/dev/nvidiactl", "/dev/dxg", "/dev/nvhost-ctrl-gpu", "/dev/nvmap")
"""Device files of the driver: on Linux, under Windows' WSL, and on Jetson."""


def has_driver() -> bool:
    """Whether a driver of NVIDIA's is loaded; without one there is no GPU to count."""
    return any(Path(path).exists() for path in _DRIVERS)


def chosen_devices(
    action: str, settings: Devices, per_node: int, *, present: int
) -> tuple[Literal["cpu", "gpu"], tuple[int, ...]]:
    """Return the accelerator and the numbers of a node's devices, of which `present` are GPUs.

    Raises `SpecError` for devices that are not there.
    """
    chosen = settings.gpu_ids
    if settings.accelerator == "cpu" or (settings.accelerator == "auto" and not present):
        _check_cpu(action, settings, per_node)
        return "cpu", tuple(range(per_node))
    # The default [0] means the first num_gpus GPUs.
    ids = list(range(per_node)) if chosen == [0] else chosen
    if len(ids) != per_node:
        raise SpecError(
            f"{action}.gpu_ids: {ids} are {len(ids)} GPUs, but {action}.num_gpus is {per_node}"
        )
    if not present:
        raise SpecError(
            f"{action}.accelerator: requests a GPU, but this machine has no GPU; to use the CPU "
            f"give {action}.accelerator=cpu"
        )
    absent = [number for number in ids if number >= present]
    if absent:
        raise SpecError(
            f"{action}.num_gpus: requests GPUs {ids}, but this machine has {present}"
            f", numbered 0 to {present - 1}"
        )
    return "gpu", tuple(ids)


def _check_cpu(action: str, settings: Devices, per_node: int) -> None:
    """Refuse GPU numbers on the CPU, and several CPU processes that were not asked for by name."""
    if settings.gpu_ids != [0]:
        raise SpecError(
            f"{action}.gpu_ids: requests GPUs {settings.gpu_ids}, but no GPU is used here; to use "
            f"the CPU leave {action}.gpu_ids out and give {action}.accelerator=cpu"
        )
    if per_node > 1 and settings.accelerator == "auto":
        raise SpecError(
            f"{action}.num_gpus: requests {per_node} GPUs, but this machine has none; for "
            f"{per_node} processes on the CPU give {action}.accelerator=cpu"
        )
