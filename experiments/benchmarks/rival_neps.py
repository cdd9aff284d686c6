"""NePS' PriorBand with its model-based sampling, asked and told, in an environment of its own."""

import logging
from collections.abc import Hashable
from typing import Any

import numpy as np
import torch
from neps import AskAndTell, HPOCategorical, HPOFloat, HPOInteger, SearchSpace, Trial
from neps.optimizers import algorithms

from automl.space.space import Parameter
from experiments.benchmarks.asked import AskedSearcher
from experiments.benchmarks.tasks import EPOCHS, Task

FIDELITY = "epochs"
MODEL_AFTER = 10
"""Full trainings' worth of epochs after which a Gaussian process proposes."""


class PriorBand:
    """PriorBand with its defaults on Hyperband from 1 to 50 epochs; the defaults are its prior."""

    def __init__(self, task: Task, *, seed: int) -> None:
        logging.getLogger("neps").setLevel(logging.ERROR)
        # NePS draws from the global generators.
        np.random.seed(seed)
        torch.manual_seed(seed)
        space = SearchSpace(
            {
                **{p.key: _domain(p) for p in task.space.parameters.values()},
                FIDELITY: HPOInteger(1, EPOCHS, is_fidelity=True),
            }
        )
        self._neps = AskAndTell(
            algorithms.priorband(space, bayesian_optimization_kick_in_point=MODEL_AFTER)
        )

    def ask(self) -> tuple[Trial, Hashable, dict[str, Any], int] | None:
        """Return NePS' next trial; the number before the rung names the configuration."""
        trial = self._neps.ask()
        values = dict(trial.config)
        epochs = int(values.pop(FIDELITY))
        return trial, trial.metadata.id.split("_")[0], values, epochs

    def tell(self, job: Trial, loss: float) -> None:
        """Hand the loss back."""
        self._neps.tell(job, loss)


def make(task: Task, *, seed: int, name: str) -> AskedSearcher:
    """Return PriorBand as a searcher."""
    return AskedSearcher(task, PriorBand(task, seed=seed))


def _domain(p: Parameter) -> HPOFloat | HPOInteger | HPOCategorical:
    if p.choices:
        return HPOCategorical(list(p.choices), prior=p.default)
    if p.kind == "int":
        return HPOInteger(int(p.low), int(p.high), log=p.is_log, prior=int(p.default))
    return HPOFloat(float(p.low), float(p.high), log=p.is_log, prior=float(p.default))
