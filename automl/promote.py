"""From the best trial to a model that is proved to be the one that was measured."""

import hashlib
import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from automl.card import model_card
from automl.errors import RunFailed, UsageError, nearest
from automl.experiment import Experiment
from automl.jobs.mappings import keys_taking
from automl.jobs.steps import Step, keep_steps
from automl.schema import Schema
from automl.skill import USER_KINDS, Result, Skill, SkillInfo, failure_kind, schema_path
from automl.spec import flatten, leaves
from automl.store import write_atomic, write_json, write_yaml
from automl.trial import Trial

TOLERANCE = 0.001
"""The most by which the objective of the ONNX model may differ from the checkpoint's."""


CONVERSIONS = {"int8": "quantize", "engine": "gen_trt_engine"}
"""What a promoted ONNX model can be made into, and the action that does it."""
MAX_DROP = 0.005
"""The most by which the objective of a converted model may be worse than the checkpoint's."""


@dataclass(frozen=True)
class Wanted:
    """What a promotion is to give: of which trial (None: the best), made into what."""

    trial: int | None = None
    to: tuple[str, ...] = ("onnx",)
    max_drop: float = MAX_DROP

    def __post_init__(self) -> None:
        known = ("onnx", *CONVERSIONS)
        faults = [
            f"--to: {name!r} is not one of {', '.join(known)}{nearest(name, known)}"
            for name in self.to
            if name not in known
        ]
        if not 0 <= self.max_drop <= 1:
            faults.append(f"--max-drop: {self.max_drop:g} is not allowed: must be in [0, 1]")
        if faults:
            raise UsageError(*faults)


@dataclass(frozen=True)
class Promoter:
    """Exports, measures and converts a trial's checkpoint through the skill's actions."""

    experiment: Experiment
    skill: Skill
    info: SkillInfo
    wanted: Wanted = Wanted()
    steps: list[Step] = field(default_factory=list)
    """What has run so far; told as jobs when the files are where they stay."""

    def promote(self) -> dict[str, Any]:
        """Return the promotion, its files in promoted/.

        Raises `RunFailed` with the figures when the exported model is not equal to what was
        recorded, or a converted one is too much worse; the files are then in rejected/.
        Raises `UsageError` for a trial or a conversion that there is not.
        """
        best = self._trial()
        self._check_conversions()
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
        for name in self.wanted.to:
            if name in CONVERSIONS:
                parity[name] = self._converted(name, best, onnx, work, parity)
                write_json(work / "parity.json", parity)
                self._check_drop(name, parity, work)
        test = self._run("evaluate", best, work / "test", onnx, overrides=self._hints("test"))
        promotion = {
            "trial": best.number,
            # Relative to the experiment's folder, which may be moved.
            "onnx": str(Path(self.experiment.paths.promoted.name) / onnx.relative_to(work)),
            "parity": parity,
            "test": dict(test.metrics),
        }
        write_atomic(work / "model_card.md", model_card(self.experiment, self.info, promotion))
        self._move(work, self.experiment.paths.promoted)
        return promotion

    def _trial(self) -> Trial:
        number, trials = self.wanted.trial, self.experiment.ledger.trials
        if number is None:
            if self.experiment.best is None:
                raise RunFailed("no trial has a result, so there is nothing to promote")
            return self.experiment.best
        if number not in trials or self.experiment.value_of(trials[number]) is None:
            able = [n for n, t in sorted(trials.items()) if self.experiment.value_of(t) is not None]
            raise UsageError(
                f"--trial: {number} has no result to promote; those that have: "
                f"{', '.join(map(str, able)) or 'none'}"
            )
        return trials[number]

    def _check_conversions(self) -> None:
        faults = [
            f"--to: {name}: {self.info.name} has no action {CONVERSIONS[name]}"
            for name in self.wanted.to
            if name in CONVERSIONS and CONVERSIONS[name] not in self.info.spec_params
        ]
        if faults:
            raise UsageError(*faults)

    def _converted(
        self, name: str, best: Trial, onnx: Path, work: Path, parity: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Make the ONNX model into another, measure it where it can run, and say what came out.

        A model that cannot run on this machine is kept unmeasured, with the reason.
        """
        folder = work / name
        objective = self.experiment.settings.objective
        try:
            action = CONVERSIONS[name]
            result = self._run(action, best, folder, onnx, overrides=self._hints(action))
        except Exception as error:
            if failure_kind(error) != "rejected":
                raise
            target = self._move(work, self.experiment.paths.rejected)
            raise RunFailed(f"{error} (all files: {target})") from error
        (kind,) = [k for k in result.artifacts if k in ("onnx", "checkpoint", "engine")]
        model = result.artifacts[kind]
        told: dict[str, Any] = {"file": str(model.relative_to(work)), "sha256": _digest(model)}
        told |= {key: value for key, value in result.metrics.items() if "mb" in key.split("_")}
        try:
            measured = self._run(
                "evaluate", best, folder / "measured", model, overrides=self._hints("evaluate")
            )
        except Exception as error:
            if failure_kind(error) not in USER_KINDS:
                raise
            # Its files are about to be moved.
            why = str(error).replace(str(work), str(self.experiment.paths.promoted))
            return told | {"value": None, "not_measured": why}
        value = objective.measured(measured.metrics)
        sign = 1 if objective.mode == "max" else -1
        return told | {"value": value, "drop": sign * (parity["checkpoint"] - value)}

    def _check_drop(self, name: str, parity: Mapping[str, Any], work: Path) -> None:
        drop = parity[name].get("drop")
        if drop is None or drop <= self.wanted.max_drop:
            return
        target = self._move(work, self.experiment.paths.rejected)
        raise RunFailed(
            f"not promoted: {parity['metric']} is {parity['checkpoint']:.6f} for the checkpoint "
            f"and {parity[name]['value']:.6f} for {name}, worse by {drop:.6f}; --max-drop allows "
            f"{self.wanted.max_drop:g} (files: {target})"
        )

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
        (key, *_) = keys_taking(self.info, action, parent)
        given = {key: str(parent.resolve())}
        if onnx is not None:
            given[self.info.key_of(action, "create_onnx_file")] = str(onnx.resolve())
        given |= self._copied(action, trial)
        path, whole = schema_path(self.skill.folder, action), self._spec_of(trial)
        # A skill whose schemas are yet to be generated sorts out by itself what an action takes.
        shared = leaves(whole, Schema.read(path).fields) if path.exists() else flatten(whole)
        spec = self.skill.resolve(action, {**shared, **(overrides or {}), **given})
        started = time.time()
        result = self.skill.run(action, spec, folder)
        self.steps.append(Step(action, folder, parent, result, started, time.time()))
        return result

    def _move(self, work: Path, target: Path) -> Path:
        shutil.rmtree(target, ignore_errors=True)
        moved = work.replace(target)
        keep_steps(self.experiment, self._trial().number, self.steps, work=work, target=target)
        return moved

    def _copied(self, action: str, trial: Trial) -> dict[str, Any]:
        """Return the keys of an action that take their value from the trial's spec."""
        flat = flatten(self._spec_of(trial))
        hints = self._hints(action) if action == "export" else {}
        return {key: flat[source] for key, source in hints.items()}

    def _hints(self, step: str) -> Mapping[str, Any]:
        return self.info.promotion.get(step, {})

    def _spec_of(self, trial: Trial) -> dict[str, Any]:
        return self.experiment.spec_of(trial)

    def _reject(self, work: Path, parity: Mapping[str, Any]) -> str:
        target = self._move(work, self.experiment.paths.rejected)
        return (
            f"not promoted: {parity['metric']} is {parity['recorded']} as recorded, "
            f"{parity['checkpoint']} for the checkpoint and {parity['onnx']} for the ONNX model; "
            f"they may differ by {parity['tolerance']} (files: {target})"
        )


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
