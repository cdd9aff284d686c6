"""SMAC3, asked and told: its multi-fidelity facade (Hyperband, random forest) and its plain one."""

import logging
import tempfile
from collections.abc import Hashable
from pathlib import Path
from typing import Any

from ConfigSpace import ConfigurationSpace, Float, Integer
from smac import HyperparameterOptimizationFacade, MultiFidelityFacade, Scenario
from smac.runhistory import TrialInfo, TrialValue

from automl.space.space import Parameter
from experiments.benchmarks.asked import AskedSearcher
from experiments.benchmarks.tasks import EPOCHS, Task

TRIALS = 2000
"""More than any budget here can pay for; SMAC sizes its initial design by it (at most 10 d)."""


class Smac:
    """One of SMAC's facades with its defaults; epochs are its budget from 1 to 50."""

    def __init__(self, task: Task, *, seed: int, is_multi_fidelity: bool) -> None:
        logging.getLogger("smac").setLevel(logging.ERROR)
        space = ConfigurationSpace(seed=seed)
        space.add([_domain(p) for p in task.space.parameters.values()])
        self._is_multi_fidelity = is_multi_fidelity
        self._folder = tempfile.TemporaryDirectory(prefix="smac-")
        scenario = Scenario(
            space,
            output_directory=Path(self._folder.name),
            deterministic=True,
            n_trials=TRIALS,
            seed=seed,
            **({"min_budget": 1, "max_budget": EPOCHS} if is_multi_fidelity else {}),
        )
        facade = MultiFidelityFacade if is_multi_fidelity else HyperparameterOptimizationFacade
        self._facade = facade(scenario, _never_called, overwrite=True, logging_level=logging.ERROR)

    def ask(self) -> tuple[TrialInfo, Hashable, dict[str, Any], int] | None:
        """Return SMAC's next trial."""
        info = self._facade.ask()
        epochs = max(1, round(info.budget)) if self._is_multi_fidelity else EPOCHS
        return info, info.config, dict(info.config), epochs

    def tell(self, job: TrialInfo, loss: float) -> None:
        """Hand the loss back as SMAC's cost."""
        self._facade.tell(job, TrialValue(cost=loss), save=False)


def make(task: Task, *, seed: int, name: str) -> AskedSearcher:
    """Return SMAC as a searcher."""
    return AskedSearcher(task, Smac(task, seed=seed, is_multi_fidelity=name == "smac-mf"))


def _never_called(config: Any, seed: int = 0, budget: float = 0) -> float:
    raise RuntimeError("SMAC is asked and told here")


def _domain(p: Parameter) -> Any:
    if p.kind == "int":
        return Integer(p.key, (int(p.low), int(p.high)), log=p.is_log)
    return Float(p.key, (float(p.low), float(p.high)), log=p.is_log)
