"""Runners by name; each module loads its library only when it is asked for."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from automl.experiment.resources import Resources
from automl.runners.base import Runner


@contextmanager
def open_runner(
    resources: Resources,
    *,
    preload: str | None,
    meanwhile: Callable[[], None] = lambda: None,
) -> Iterator[Runner]:
    """Yield the runner that the resources name.

    With the name of a skill to `preload`, the process of the local one starts now and loads what
    the skill trains with, while its user prepares the search; else with its first task. Where this
    process has to wait until its runner has started, as for a Ray here, it calls `meanwhile`.
    """
    if resources.runner == "local":
        from automl.runners.local import LocalRunner
        from automl.runners.training import TrainingProcess

        with TrainingProcess() as process:
            if preload is not None:
                process.preload(preload)
            yield LocalRunner(process)
    else:
        from automl.runners.ray import RayRunner

        yield RayRunner(resources, meanwhile)
