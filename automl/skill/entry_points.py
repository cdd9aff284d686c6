"""The skills that are installed: packages announce them as entry points."""

import functools
import sys
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

GROUP = "automl.skills"


def installed_skills() -> dict[str, EntryPoint]:
    """Return the entry points of the skills that are installed, by name."""
    return dict(_skills_on(tuple((folder, _changed(folder)) for folder in sys.path)))


@functools.lru_cache(maxsize=4)
def _skills_on(_folders: tuple[tuple[str, int], ...]) -> dict[str, EntryPoint]:
    # It reads a file of each installed package, and a session asks for its skill dozens of times.
    return {point.name: point for point in entry_points(group=GROUP)}


def _changed(folder: str) -> int:
    """Return when a package was last installed into a folder, or removed."""
    try:
        return Path(folder).stat().st_mtime_ns
    except OSError:
        return 0
