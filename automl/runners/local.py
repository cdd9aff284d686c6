"""Runs trials in this process, one at a time: debugging, tests, machines without Ray."""

from automl.experiment.resources import Resources
from automl.runners.base import Driver, Task, run_task
from automl.trial.moves import Done, Wait
from automl.trial.trial import Decision


class LocalRunner:
    """Each task runs to its end before the next is asked for."""

    def __init__(self, resources: Resources) -> None:
        self.resources = resources

    def run(self, driver: Driver) -> None:
        """Run tasks until the driver has no more."""
        while True:
            move = driver.next()
            if isinstance(move, Done):
                return
            if isinstance(move, Wait):
                raise RuntimeError("the searcher waits although nothing runs")
            self._run_one(driver, move)

    def _run_one(self, driver: Driver, task: Task) -> None:
        def report(epoch: int, metrics: dict[str, float]) -> Decision:
            return driver.report(task.trial, epoch, metrics)

        driver.finish(task.trial, run_task(task, report))
