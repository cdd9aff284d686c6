"""Prepares a trial for its training: costs, constraints, spec, first checkpoint."""

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from automl.errors import RunFailed
from automl.experiment.experiment import Experiment
from automl.files import write_yaml
from automl.schema.spec import flatten, with_values
from automl.skill.info import SkillInfo
from automl.skill.installed import load_skill
from automl.space.space import SearchSpace
from automl.trial.objective import Constraint
from automl.trial.trial import Trial

MEMORY, MEMORY_LIMIT = "memory_mb", "memory_limit_mb"


@dataclass
class Preparation:
    """Prepares the trials of one experiment through its skill; remembers the costs it measured."""

    experiment: Experiment
    info: SkillInfo
    space: SearchSpace
    metrics: tuple[str, ...] = ()
    """Costs that are measured before a launch, e.g. parameters."""
    _costs_by_spec: dict[str, dict[str, float]] = field(default_factory=dict)

    @classmethod
    def of(cls, experiment: Experiment, space: SearchSpace) -> "Preparation":
        """Return the preparation of an experiment's trials."""
        info = load_skill(experiment.settings.skill).info
        metrics = set()
        for objective in experiment.settings.objectives:
            metrics |= {objective.metric, *(c.metric for c in objective.constraints)}
        # A search that may change a model's size starts none that no memory can hold.
        settings = experiment.settings
        keys = [key for parameter in space.parameters for key in settings.spec_keys(parameter)]
        if any(map(info.has_cost_of, keys)):
            metrics |= {MEMORY, MEMORY_LIMIT}
        return cls(experiment, info, space, tuple(m for m in info.cost_metrics if m in metrics))

    def costs(self, values: Mapping[str, Any]) -> dict[str, float]:
        """Return the costs of these values' model that objectives and constraints name.

        Specs that agree in all keys that costs depend on are measured once.
        """
        if not self.metrics:
            return {}
        settings = self.experiment.settings
        spec = with_values(settings.spec, settings.spec_values(values))
        relevant = {k: v for k, v in flatten(spec).items() if self.info.has_cost_of(k)}
        key = json.dumps(relevant, sort_keys=True, default=str)
        if key not in self._costs_by_spec:
            skill = load_skill(settings.skill)
            self._costs_by_spec[key] = dict(skill.measure(spec, self.metrics))
        return self._costs_by_spec[key]

    def broken(self, costs: Mapping[str, float]) -> list[str]:
        """Return the constraints that the costs break, with their values."""
        constraints: tuple[Constraint, ...] = self.experiment.settings.objective.constraints
        if MEMORY in costs and MEMORY_LIMIT in costs:
            constraints = (*constraints, Constraint(MEMORY, "<=", costs[MEMORY_LIMIT]))
        return [
            f"{c.metric} is {costs[c.metric]:.6g}, which breaks {c}"
            for c in constraints
            if c.metric in costs and not c.holds(costs[c.metric])
        ]

    def halved(self, trial: Trial) -> dict[str, Any] | None:
        """Return the keys that halve a trial's batch and double its batches a step.

        None if that was done before, the batch is 1, or the skill names no such keys.
        """
        batch_key, step_key = self.info.batch_size_key, self.info.accumulation_key
        flat = flatten(self.experiment.spec_of(trial))
        if trial.halvings or batch_key is None or step_key is None:
            return None
        batch, steps = flat.get(batch_key), flat.get(step_key)
        if not isinstance(batch, int) or not isinstance(steps, int) or batch < 2:
            return None
        return {batch_key: batch // 2, step_key: steps * 2}

    def report_interval(self, trial: Trial) -> int:
        """Return how many epochs lie between two reports of a trial, as its spec says."""
        key = self.info.report_interval_key
        interval = None if key is None else flatten(self.experiment.spec_of(trial)).get(key)
        return interval if isinstance(interval, int) else 1

    def has_reported_to_file(self, number: int) -> bool:
        """Whether a trial, once it resumes, repeats an epoch that it left in a file of reports."""
        folder, settings = self.experiment.paths.trial(number), self.experiment.settings
        skill = load_skill(settings.skill, metrics=self.reported_metrics)
        return skill.reported_epoch(folder) is not None

    @property
    def reported_metrics(self) -> tuple[str, ...]:
        """The objectives and limits that a training reports: all but costs."""
        costs = self.info.cost_metrics
        return tuple(m for m in self.experiment.settings.metrics if m not in costs)

    def prepare(self, trial: Trial) -> dict[str, Any]:
        """Write and return a trial's spec; give a new copy its parent's checkpoint."""
        folder = self.experiment.paths.trial(trial.number)
        spec = self.experiment.spec_of(trial)
        write_yaml(folder / "spec.yaml", spec)
        if trial.parent is not None:
            self._copy_checkpoint(trial.parent, trial.number)
        return spec

    def _copy_checkpoint(self, parent: int, child: int) -> None:
        folder = self.experiment.paths.trial(parent)
        last = self.info.checkpoint_in(folder, "last")
        if last is None:
            raise RunFailed(
                f"{folder}: has no checkpoint, from which trial {child:04d} would begin"
            )
        target = self.experiment.paths.trial(child) / last.relative_to(folder)
        if not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            beside = target.with_name(f".{target.name}.part")
            shutil.copyfile(last, beside)
            beside.replace(target)
