"""Whether a run fits on the disk, as far as that is known before it starts."""

from pathlib import Path

from automl.errors import Fault, UsageError
from automl.experiment.settings import Settings
from automl.formats import size
from automl.machine.disk import RESERVE, free_bytes
from automl.plan.estimate import estimate
from automl.skill.info import SkillInfo

PLENTY = 16 << 30
"""Free bytes that are enough without a look at earlier experiments, which takes time."""


def check_room(settings: Settings, info: SkillInfo, root: Path) -> None:
    """Raise `UsageError` if the trials that run at once, as earlier ones were, do not fit."""
    free = free_bytes(root)
    if free >= PLENTY:
        return
    told = estimate(settings, info, root) if free >= RESERVE else None
    trial, at_once = (told and told.bytes_per_trial) or 0, settings.resources.concurrency or 1
    needed = RESERVE + at_once * trial
    if free >= needed:
        return
    text = f"--out: only {size(free)} are free at {root}, and {size(needed)} are needed"
    if told is not None and trial:
        text += f": {size(trial)} for each trial as in {told.disk_source}, {at_once} at once"
    raise UsageError(
        Fault(f"{text}; free some space or give another disk", key="--out", value=str(root))
    )
