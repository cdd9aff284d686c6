"""`auto` on a task of the benchmark."""

from automl.budget import Budget
from automl.objective import Objective
from automl.search.auto import Auto
from automl.search.base import Searcher
from experiments.benchmarks.tasks import EPOCHS, Task


def make_auto(task: Task, *, seed: int, budget: int) -> Searcher:
    return Auto(task.space, Objective("value", task.mode), Budget(10**9, EPOCHS, budget_epochs=budget), seed=seed)
