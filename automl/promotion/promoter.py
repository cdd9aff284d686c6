"""From the best trial to a model that is proved to be the one that was measured."""

import hashlib
import shutil
import time
import traceback
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from automl.errors import RunFailed, Stopped, UsageError
from automl.experiment.environment import environment
from automl.experiment.experiment import Experiment
from automl.files import write_atomic, write_json, write_yaml
from automl.promotion.gates import CONVERSIONS, TOLERANCE, GateError, PromotionRequest, latency_of
from automl.promotion.model_card import model_card
from automl.promotion.steps import Step, keep_steps
from automl.redact import redacted
from automl.schema.schema import Schema
from automl.schema.spec import flatten, leaves
from automl.skill.base import Result, Skill
from automl.skill.failures import USER_KINDS, failure_from_error, failure_kind
from automl.skill.info import SkillInfo, schema_path
from automl.skill.inputs import keys_taking
from automl.trial.trial import Failure, FailureKind, Trial


@dataclass(frozen=True)
class Promoter:
    """Exports, measures and converts a trial's checkpoint through the skill's actions."""

    experiment: Experiment
    skill: Skill
    info: SkillInfo
    wanted: PromotionRequest = PromotionRequest()
    steps: list[Step] = field(default_factory=list)
    """What has run so far; told as jobs when the files are where they stay."""

    def promote(self) -> dict[str, Any]:
        """Return the promotion, its files in promoted/.

        Raises `RunFailed` when a step fails or a gate says no, with the figures; the files are
        then in rejected/, and so is the log of the step. Raises `UsageError` for a trial or a
        conversion that there is not.
        """
        best = self._trial()
        self._check_conversions()
        checkpoint = self.experiment.paths.trial(best.number) / self.info.checkpoints["best"]
        if not checkpoint.exists():
            raise RunFailed(f"{checkpoint}: the best trial's checkpoint is gone")
        work = self.experiment.paths.root.resolve() / ".promoting"
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir()
        try:
            promotion = self._promotion(best, checkpoint, work)
        except Stopped:
            raise
        except Exception as error:  # A skill may raise anything; a failed step is data.
            raise self._rejected(error, best, work) from error
        self._move(best, work, self.experiment.paths.promoted)
        return promotion

    def _promotion(self, best: Trial, checkpoint: Path, work: Path) -> dict[str, Any]:
        write_yaml(work / "spec.yaml", self.experiment.spec_of(best))
        exported = self._run("export", best, work, checkpoint, work / "model.onnx")
        onnx, difference = exported.artifacts["onnx"], exported.metrics.get("max_logit_difference")
        self.wanted.check_logits(difference)
        parity = self._parity(best, checkpoint, onnx, work)
        parity["max_logit_difference"] = difference
        write_json(work / "parity.json", parity)
        self.wanted.check_parity(parity)
        self.wanted.check_latency("onnx", parity["latency"].get("onnx", {}))
        for name in self.wanted.to:
            if name in CONVERSIONS:
                self._convert(name, best, onnx, work, parity)
        test = self._run("evaluate", best, work / "test", onnx, overrides=self._hints("test"))
        promotion = {
            "trial": best.number,
            # Relative to the experiment's folder, which may be moved.
            "onnx": str(Path(self.experiment.paths.promoted.name) / onnx.relative_to(work)),
            "parity": parity,
            "test": dict(test.metrics),
        }
        write_atomic(work / "model_card.md", model_card(self.experiment, self.info, promotion))
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

    def _convert(
        self, name: str, best: Trial, onnx: Path, work: Path, parity: dict[str, Any]
    ) -> None:
        """Make the ONNX model into another, measure it where it can run, and check it."""
        folder, action = work / name, CONVERSIONS[name]
        result = self._run(action, best, folder, onnx, overrides=self._hints(action))
        (kind,) = [k for k in result.artifacts if k in ("onnx", "checkpoint", "engine")]
        model = result.artifacts[kind]
        told: dict[str, Any] = {"file": str(model.relative_to(work)), "sha256": _digest(model)}
        told |= {key: value for key, value in result.metrics.items() if "mb" in key.split("_")}
        parity[name] = told | self._measured(best, model, folder / "measured", work, parity)
        latency = parity[name].pop("latency", None)
        if latency:
            parity["latency"][name] = latency
        write_json(work / "parity.json", parity)
        self.wanted.check_drop(name, parity)
        if parity[name]["value"] is not None:
            self.wanted.check_latency(name, latency or {})

    def _measured(
        self, best: Trial, model: Path, folder: Path, work: Path, parity: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Return how good a converted model is; one that cannot run here stays unmeasured.

        That is its step's failure, told with the reason, and not the promotion's.
        """
        objective = self.experiment.settings.objective
        try:
            hints = self._hints("evaluate")
            measured = self._run("evaluate", best, folder, model, overrides=hints).metrics
        except Exception as error:
            if failure_kind(error) not in USER_KINDS:
                raise
            # Its files are about to be moved.
            why = str(error).replace(str(work), str(self.experiment.paths.promoted))
            return {"value": None, "not_measured": why}
        value = objective.measured(measured)
        sign = 1 if objective.mode == "max" else -1
        drop = sign * (parity["checkpoint"] - value)
        return {"value": value, "drop": drop, "latency": latency_of(measured)}

    def _parity(self, best: Trial, checkpoint: Path, onnx: Path, work: Path) -> dict[str, Any]:
        objective, hints = self.experiment.settings.objective, self._hints("evaluate")
        metrics = {
            name: self._run("evaluate", best, work / name, model, overrides=hints).metrics
            for name, model in (("checkpoint", checkpoint), ("onnx", onnx))
        }
        measured = {name: objective.measured(told) for name, told in metrics.items()}
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
            "latency": {name: told for name, m in metrics.items() if (told := latency_of(m))},
            "machine": environment(self.skill.folder).get("processor", "an unknown processor"),
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
        """Run an action; its end is kept as a step, and a failure's trace in its log.txt."""
        started = time.time()
        try:
            spec = self._spec(action, trial, parent, onnx, overrides or {})
            result = self.skill.run(action, spec, folder)
        except Exception as error:
            folder.mkdir(parents=True, exist_ok=True)
            with (folder / "log.txt").open("a") as log:
                log.write(redacted(traceback.format_exc()))
            failure = failure_from_error(error)
            self.steps.append(Step(action, folder, parent, started, time.time(), failure=failure))
            raise
        self.steps.append(Step(action, folder, parent, started, time.time(), result))
        return result

    def _spec(
        self,
        action: str,
        trial: Trial,
        parent: Path,
        onnx: Path | None,
        overrides: Mapping[str, Any],
    ) -> dict[str, Any]:
        (key, *_) = keys_taking(self.info, action, parent)
        given = {key: str(parent.resolve())}
        if onnx is not None:
            given[self.info.key_of(action, "create_onnx_file")] = str(onnx.resolve())
        given |= self._copied(action, trial)
        path, whole = schema_path(self.skill.folder, action), self.experiment.spec_of(trial)
        # A skill whose schemas are yet to be generated sorts out by itself what an action takes.
        shared = leaves(whole, Schema.read(path).fields) if path.exists() else flatten(whole)
        return self.skill.resolve(action, {**shared, **overrides, **given})

    def _rejected(self, error: Exception, best: Trial, work: Path) -> RunFailed:
        """Keep the files and steps of a promotion that ends here; return what is told of it."""
        last, target = self.steps[-1] if self.steps else None, self.experiment.paths.rejected
        text = " ".join(str(error).split()).replace(str(work), str(target))
        if isinstance(error, GateError):
            if last is not None:
                refused = Failure(FailureKind.REJECTED, text)
                self.steps[-1] = replace(last, failure=refused)
            told = f"not promoted: {text} (files: {target})"
        elif last is not None and last.failure is not None:
            log = target / last.folder.relative_to(work) / "log.txt"
            told = (
                f"not promoted: {last.action} failed: {last.failure.kind}: "
                f"{last.failure.message.replace(str(work), str(target))} (files: {target}, log: "
                f"{log})"
            )
        else:
            told = f"not promoted: {type(error).__name__}: {text} (files: {target})"
        self._move(best, work, target)
        return RunFailed(told)

    def _move(self, best: Trial, work: Path, target: Path) -> None:
        shutil.rmtree(target, ignore_errors=True)
        work.replace(target)
        keep_steps(self.experiment, best.number, self.steps, work=work, target=target)

    def _copied(self, action: str, trial: Trial) -> dict[str, Any]:
        """Return the keys of an action that take their value from the trial's spec."""
        flat = flatten(self.experiment.spec_of(trial))
        hints = self._hints(action) if action == "export" else {}
        return {key: flat[source] for key, source in hints.items()}

    def _hints(self, step: str) -> Mapping[str, Any]:
        return self.info.promotion.get(step, {})


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
