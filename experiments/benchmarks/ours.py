"""`auto` on a task of the benchmark, built as `automl run` builds it."""

from automl.search.algorithms import make_searcher
from automl.search.base import Searcher
from automl.trial.budget import UNLIMITED, Budget
from automl.trial.objective import Objective
from experiments.benchmarks.tasks import EPOCHS, Task


def make_auto(task: Task, *, seed: int, budget: int) -> Searcher:
    """Return the project's own searcher within the budget of epochs."""
    return make_searcher(
        "auto",
        task.space,
        Objective("value", task.mode),
        Budget(UNLIMITED, EPOCHS, budget_epochs=budget),
        seed=seed,
    )
