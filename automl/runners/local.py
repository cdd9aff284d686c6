"""Runs trials one at a time on this machine, without Ray, in a process beside this one."""

from automl.runners.base import Driver, Task
from automl.runners.training import TrainingProcess
from automl.trial.moves import Done, Wait
from automl.trial.trial import Decision


class LocalRunner:
    """Each task runs to its end before the next is asked for."""

    def __init__(self, process: TrainingProcess) -> None:
        self._process = process

    def run(self, driver: Driver) -> None:
        """Run tasks until the driver has no more; the process ends with them."""
        with self._process:
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

        driver.finish(task.trial, self._process.run(task, report))
