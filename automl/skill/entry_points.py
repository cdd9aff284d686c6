"""The skills that are installed: packages announce them as entry points."""

from importlib.metadata import EntryPoint, entry_points

GROUP = "automl.skills"


def installed_skills() -> dict[str, EntryPoint]:
    """Return the entry points of the skills that are installed, by name."""
    return {point.name: point for point in entry_points(group=GROUP)}
