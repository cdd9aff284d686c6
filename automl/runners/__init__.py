"""Runners by name; each module loads its library only when it is asked for."""

from automl.experiment.resources import Resources
from automl.runners.base import Runner


def make_runner(resources: Resources) -> Runner:
    """Return the runner that the resources name."""
    if resources.runner == "local":
        from automl.runners.local import LocalRunner

        return LocalRunner(resources)
    from automl.runners.ray import RayRunner

    return RayRunner(resources)
