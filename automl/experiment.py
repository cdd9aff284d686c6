"""An experiment as it lies on disk: what was asked, what happened, what is best."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from automl.errors import UsageError
from automl.ledger import Ledger
from automl.settings import Settings
from automl.spec import with_values
from automl.store import ExperimentPaths, Journal, is_driven
from automl.trial import Trial, TrialState


@dataclass(frozen=True)
class Experiment:
    """A reading of an experiment's folder; nothing but the folder is needed for it."""

    paths: ExperimentPaths
    settings: Settings
    ledger: Ledger

    @classmethod
    def load(cls, root: Path) -> "Experiment":
        """Read a folder; raises `UsageError` where there is no experiment in it."""
        paths = ExperimentPaths(root)
        if not paths.exists():
            raise UsageError(f"{root}: is not an experiment folder (it has no settings.yaml)")
        settings = Settings.from_dict(yaml.safe_load(paths.settings.read_text()))
        ledger = Ledger()
        for event in Journal(paths.journal).read():
            ledger.apply(event)
        return cls(paths, settings, ledger)

    @property
    def state(self) -> str:
        """One of running, interrupted, stopped, failed, finished."""
        if is_driven(self.paths):
            return "running"
        return self.ledger.closed or "interrupted"

    @property
    def best(self) -> Trial | None:
        """The trial with the best objective; None where no trial has one."""
        ranked = self.ranking()
        return ranked[0] if ranked and self.value_of(ranked[0]) is not None else None

    def spec_of(self, trial: Trial) -> dict[str, Any]:
        """Return the whole spec that a trial trains."""
        return with_values(self.settings.spec, {**trial.values, **trial.adjusted})

    def value_of(self, trial: Trial) -> float | None:
        """Return a trial's best objective; a failed trial has none."""
        return trial.value(self.settings.objective)

    def epoch_of(self, trial: Trial) -> int | None:
        """Return the epoch of a trial's best objective."""
        report = trial.best_report(self.settings.objective)
        return report.epoch if report else None

    def ranking(self) -> list[Trial]:
        """Return all trials, best first; those without a value last, in order of number."""
        sign = -1.0 if self.settings.objective.mode == "max" else 1.0

        def rank(trial: Trial) -> tuple[bool, float, int]:
            value = self.value_of(trial)
            return (value is None, 0.0 if value is None else sign * value, trial.number)

        return sorted(self.ledger.trials.values(), key=rank)

    def to_dict(self) -> dict[str, Any]:
        """Return what ``--json`` prints."""
        best = self.best
        state = self.state
        return {
            "experiment": str(self.paths.root),
            "state": state,
            "policy": self.settings.policy,
            "route": dict(self.settings.route),
            "objective": self.settings.objective.to_dict(),
            "best": None
            if best is None
            else {
                "trial": best.number,
                "value": self.value_of(best),
                "epoch": self.epoch_of(best),
            },
            "trials": [self._trial_dict(t, state) for _, t in sorted(self.ledger.trials.items())],
            "promotion": self.promotion,
        }

    @property
    def promotion(self) -> dict[str, Any] | None:
        """What the promotion left, the model's path as seen from here; None before."""
        told = self.ledger.promotion
        return None if told is None else {**told, "onnx": str(self.paths.root / told["onnx"])}

    def shown_state(self, trial: Trial, state: str) -> str:
        """Return a trial's state for people: a running trial without a driver is interrupted."""
        if trial.state is TrialState.RUNNING and state != "running":
            return "interrupted"
        return trial.state.value

    def _trial_dict(self, trial: Trial, state: str) -> dict[str, Any]:
        failure = trial.failure
        return {
            "trial": trial.number,
            "state": self.shown_state(trial, state),
            "value": self.value_of(trial),
            "epochs": trial.epoch,
            "seconds": round(trial.seconds, 3),
            "values": trial.values,
            "failure": None
            if failure is None
            else {"kind": failure.kind.value, "message": failure.message},
        }
