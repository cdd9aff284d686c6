"""From the best trial to a model that is proved to be the one that was measured."""

import hashlib
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from automl.errors import RunFailed
from automl.experiment import Experiment
from automl.schema import Schema
from automl.skill import Result, Skill, SkillInfo, schema_path
from automl.spec import flatten, leaves
from automl.store import write_json, write_yaml
from automl.trial import Trial

TOLERANCE = 0.001
"""The most by which the objective of the ONNX model may differ from the checkpoint's."""


@dataclass(frozen=True)
class Promoter:
    """Exports and measures the best trial's checkpoint through the skill's actions."""

    experiment: Experiment
    skill: Skill
    info: SkillInfo

    def promote(self) -> dict[str, Any]:
        """Return the promotion, its files in promoted/.

        Raises `RunFailed` with the figures when the exported model is not equal to what was
        recorded; the files are then in rejected/.
        """
        best = self.experiment.best
        if best is None:
            raise RunFailed("no trial has a result, so there is nothing to promote")
        checkpoint = self.experiment.paths.trial(best.number) / self.info.checkpoints["best"]
        if not checkpoint.exists():
            raise RunFailed(f"{checkpoint}: the best trial's checkpoint is gone")
        work = self.experiment.paths.root.resolve() / ".promoting"
        shutil.rmtree(work, ignore_errors=True)
        exported = self._run("export", best, work, checkpoint, work / "model.onnx")
        onnx = exported.artifacts["onnx"]
        parity = self._parity(best, checkpoint, onnx, work)
        parity["max_logit_difference"] = exported.metrics.get("max_logit_difference")
        write_json(work / "parity.json", parity)
        write_yaml(work / "spec.yaml", self._spec_of(best))
        if not parity["is_equal"]:
            raise RunFailed(self._reject(work, parity))
        test = self._run("evaluate", best, work / "test", onnx, overrides=self._hints("test"))
        target = _replace(work, self.experiment.paths.promoted)
        return {
            "trial": best.number,
            # Relative to the experiment's folder, which may be moved.
            "onnx": str(Path(target.name) / onnx.relative_to(work)),
            "parity": parity,
            "test": dict(test.metrics),
        }

    def _parity(self, best: Trial, checkpoint: Path, onnx: Path, work: Path) -> dict[str, Any]:
        objective = self.experiment.settings.objective
        hints = self._hints("evaluate")
        measured = {
            name: objective.measured(
                self._run("evaluate", best, work / name, model, overrides=hints).metrics
            )
            for name, model in (("checkpoint", checkpoint), ("onnx", onnx))
        }
        recorded = self.experiment.value_of(best)
        difference = abs(measured["onnx"] - measured["checkpoint"])
        drift = abs(measured["checkpoint"] - (recorded if recorded is not None else float("nan")))
        return {
            "metric": objective.metric,
            "trial": best.number,
            "epoch": self.experiment.epoch_of(best),
            "recorded": recorded,
            **measured,
            "difference": difference,
            "tolerance": TOLERANCE,
            "is_equal": difference <= TOLERANCE and drift <= TOLERANCE,
            "checkpoint_sha256": _digest(checkpoint),
            "onnx_sha256": _digest(onnx),
        }

    def _run(
        self,
        action: str,
        trial: Trial,
        folder: Path,
        parent: Path,
        onnx: Path | None = None,
        *,
        overrides: Mapping[str, Any] | None = None,
    ) -> Result:
        given = {self.info.key_of(action, "parent_model"): str(parent.resolve())}
        if onnx is not None:
            given[self.info.key_of(action, "create_onnx_file")] = str(onnx.resolve())
            given.update(self._copied(action, trial))
        shared = leaves(
            self._spec_of(trial), Schema.read(schema_path(self.skill.folder, action)).fields
        )
        spec = self.skill.resolve(action, {**shared, **(overrides or {}), **given})
        return self.skill.run(action, spec, folder)

    def _copied(self, action: str, trial: Trial) -> dict[str, Any]:
        """Return the keys of an action that take their value from the trial's spec."""
        flat = flatten(self._spec_of(trial))
        return {key: flat[source] for key, source in self._hints(action).items()}

    def _hints(self, step: str) -> Mapping[str, Any]:
        return self.info.promotion.get(step, {})

    def _spec_of(self, trial: Trial) -> dict[str, Any]:
        return self.experiment.spec_of(trial)

    def _reject(self, work: Path, parity: Mapping[str, Any]) -> str:
        target = _replace(work, self.experiment.paths.rejected)
        return (
            f"not promoted: {parity['metric']} is {parity['recorded']} as recorded, "
            f"{parity['checkpoint']} for the checkpoint and {parity['onnx']} for the ONNX model; "
            f"they may differ by {parity['tolerance']} (files: {target})"
        )


def _replace(work: Path, target: Path) -> Path:
    shutil.rmtree(target, ignore_errors=True)
    return work.replace(target)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
