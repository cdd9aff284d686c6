"""Promotes a trial: exports its checkpoint and verifies that the model is the one measured."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from automl.errors import Fault, RunFailed, Stopped, UsageError
from automl.experiment.derived import read_derived
from automl.experiment.environment import FILE as ENVIRONMENT
from automl.experiment.environment import environment
from automl.experiment.experiment import Experiment
from automl.files import remove, replace_folder, write_atomic, write_json, write_yaml
from automl.promotion.actions import ActionRunner
from automl.promotion.gates import (
    CONVERSIONS,
    EXPORTS,
    PACKAGES,
    TOLERANCE,
    GateError,
    PromotionRequest,
    check_conversions,
    check_qat,
    check_refinements,
    latency_of,
)
from automl.promotion.model_card import model_card
from automl.promotion.quality import class_scores, too_little, warnings_of
from automl.promotion.refinement import Refiner
from automl.promotion.steps import IMAGE_COUNTS, keep_steps
from automl.schema.spec import flatten
from automl.skill.base import Result
from automl.skill.failures import USER_KINDS, failure_kind
from automl.skill.info import SkillInfo
from automl.skill.loaded import LoadedSkill
from automl.trial.trial import Failure, FailureKind, Trial


class Promoter:
    """Exports, measures and converts a trial's checkpoint through the skill's actions."""

    def __init__(
        self, experiment: Experiment, skill: LoadedSkill, info: SkillInfo, request: PromotionRequest
    ) -> None:
        self.experiment = experiment
        self.skill = skill
        self.info = info
        self.request = request
        self._actions = ActionRunner(experiment, skill, info)

    def promote(self) -> dict[str, Any]:
        """Promote the trial into promoted/ and return what was measured.

        A conversion that fails or is refused is left out: its folder goes to rejected/, and
        `left_out` has the reason by name. Raises `RunFailed` with the figures if the ONNX model
        cannot be made or verified; all files are then in rejected/. Raises `UsageError` for an
        unknown trial or conversion.
        """
        best, checkpoint = self.check()
        work = self.experiment.paths.root.resolve() / ".promoting"
        remove(work)
        work.mkdir()
        try:
            promotion = self._promotion(best, checkpoint, work)
        except Stopped:
            raise
        except Exception as error:  # A skill may raise anything; a failed step is data.
            raise self._rejected(error, best, work) from error
        self._move(best, work, self.experiment.paths.promoted, aside=promotion["left_out"])
        return promotion

    def check(self) -> tuple[Trial, Path]:
        """Return the trial and its checkpoint, before anything is written.

        Raises `UsageError` for an unknown trial or conversion, `RunFailed` if there is none or its
        checkpoint is gone.
        """
        best = self._trial()
        check_conversions(self.request.targets, self.info)
        if self.request.refine:
            check_refinements(self.info)
        if self.request.qat:
            check_qat(self.info)
        checkpoint = self.experiment.paths.trial(best.number) / self.info.checkpoints["best"]
        if not checkpoint.exists():
            raise RunFailed(f"{checkpoint}: the best trial's checkpoint is gone")
        return best, checkpoint

    def _promotion(self, best: Trial, checkpoint: Path, work: Path) -> dict[str, Any]:
        write_yaml(work / "spec.yaml", self.experiment.spec_of(best))
        refiner = Refiner(self.experiment, self.skill, work / "refined")
        if self.request.refine:
            checkpoint = refiner.refine(best, checkpoint)
        exported = self._actions.run(
            "export", best, work, checkpoint, work / "model.onnx",
            overrides=self._actions.hints("calibration"),
        )  # fmt: skip
        onnx, difference = exported.artifacts["onnx"], exported.metrics.get("max_logit_difference")
        self.request.check_logits(difference)
        measured = self._evaluated(best, {"checkpoint": checkpoint, "onnx": onnx}, work)
        metrics = {name: result.metrics for name, result in measured.items()}
        parity = self._parity(best, checkpoint, onnx, metrics, refiner.value)
        parity["max_logit_difference"] = difference
        write_json(work / "parity.json", parity)
        self.request.check_parity(parity)
        self.request.check_latency("onnx", parity["latency"].get("onnx", {}))
        left_out = self._conversions(best, checkpoint, exported, work, parity)
        left_out |= self._packages(onnx, work, parity)
        test = self._actions.run(
            "evaluate", best, work / "test", onnx, overrides=self._actions.hints("test")
        )
        promotion: dict[str, Any] = {
            "trial": best.number,
            "onnx": self._from_root(onnx, work),
            "parity": parity,
            "test": dict(test.metrics),
            "weights": self._weights_of(best),
            "classes": class_scores(metrics["onnx"], self.info),
            "commit": self._commit_of(best),
            "to": list(self.request.targets),
            "left_out": left_out,
            "calibration": _calibration(exported.metrics, metrics["onnx"], test.metrics),
            "warnings": [
                *(f"left out: {name}: {reason}" for name, reason in left_out.items()),
                *warnings_of(self.experiment, best, metrics["checkpoint"], self.info),
            ],
        }
        if counts := measured["onnx"].artifacts.get(IMAGE_COUNTS):
            promotion[IMAGE_COUNTS] = self._from_root(counts, work)
        if self.request.refine:
            promotion["refinement"] = refiner.to_list()
        objective = self.experiment.settings.objective
        if self.request.min_objective is None:
            bar = too_little(self.experiment, metrics["checkpoint"], self.info)
        else:
            bar = self.request.bar(objective, parity["onnx"])
        if bar:
            promotion["barred"] = bar
            promotion["warnings"] += [f"not made champion: {bar}"]
        write_atomic(work / "model_card.md", model_card(self.experiment, self.info, promotion))
        return promotion

    def _weights_of(self, best: Trial) -> dict[str, str]:
        """Return facts about the weights that a trial started from; empty if the skill has none."""
        if self.experiment.settings.weights:
            return dict(self.experiment.settings.weights)
        # A search among several starts: its settings name none of them.
        values = flatten(self.experiment.spec_of(best))
        chosen = self.skill.initial_weights(None, values, searched=(), may_download=False)
        return {} if chosen is None else dict(chosen.facts)

    def _commit_of(self, best: Trial) -> str | None:
        """Return the commit of the code that trained a trial; None if it was in no repository."""
        trained = read_derived(self.experiment.paths.trial(best.number) / ENVIRONMENT)
        return trained.get("skill_commit") or trained.get("commit")

    def _trial(self) -> Trial:
        number, trials = self.request.trial, self.experiment.history.trials
        if number is None:
            if self.experiment.best is None:
                raise RunFailed("no trial has a result, so there is nothing to promote")
            return self.experiment.best
        if number not in trials or self.experiment.value_of(trials[number]) is None:
            able = [n for n, t in sorted(trials.items()) if self.experiment.value_of(t) is not None]
            text = f"--trial: {number} has no result to promote; those that have: "
            text += ", ".join(map(str, able)) or "none"
            raise UsageError(Fault(text, key="--trial", value=number, allowed=able))
        return trials[number]

    def _conversions(
        self, best: Trial, checkpoint: Path, exported: Result, work: Path, parity: dict[str, Any]
    ) -> dict[str, str]:
        """Make the other models; return why by name for those that are left out."""
        left_out = {}
        for name in (name for name in self.request.targets if name in (*CONVERSIONS, *EXPORTS)):
            try:
                if name in CONVERSIONS:
                    self._convert(name, best, exported, work, parity)
                else:
                    parity[name] = self._exported_for(name, best, checkpoint, work)
            except Stopped:
                raise
            except Exception as error:  # A skill may raise anything; a failed step is data.
                reason, log = self._reason(error, work)
                left_out[name] = reason + (f" (log: {log})" if log else "")
                parity.pop(name, None)
                parity["latency"].pop(name, None)
        write_json(work / "parity.json", parity)
        return left_out

    def _packages(self, onnx: Path, work: Path, parity: Mapping[str, Any]) -> dict[str, str]:
        """Package the models that were made; return why by name for packages left out."""
        models = {"onnx": onnx}
        models |= {name: work / parity[name]["file"] for name in CONVERSIONS if name in parity}
        left_out = {}
        for name in (name for name in self.request.targets if name in PACKAGES):
            try:
                self.skill.package(name, models, work / name)
            except Stopped:
                raise
            except Exception as error:  # A skill may raise anything; the models are made.
                kind = failure_kind(error) or type(error).__name__
                text = " ".join(str(error).split()).replace(f"{work}/", "")
                left_out[name] = text if kind in USER_KINDS else f"{kind}: {text}"
                remove(work / name)
        return left_out

    def _convert(
        self, name: str, best: Trial, exported: Result, work: Path, parity: dict[str, Any]
    ) -> None:
        """Convert the exported model, measure the result if it can run here, and check it."""
        folder, action, source = work / name, CONVERSIONS[name], exported.artifacts["onnx"]
        overrides = dict(self._actions.hints(action))
        if name == "int8" and self.request.qat:
            qat = self._actions.hints("qat")
            overrides[qat["epochs"]] = self.request.qat
            source = exported.artifacts[qat["model"]]
        if key := self._actions.hints("max_drop").get(action):
            overrides[key] = self.request.max_drop
        result = self._actions.run(action, best, folder, source, overrides=overrides)
        (kind,) = [k for k in result.artifacts if k in ("onnx", "checkpoint", "engine")]
        model = result.artifacts[kind]
        facts: dict[str, Any] = {"file": str(model.relative_to(work)), "sha256": _digest(model)}
        facts |= {
            key: value
            for key, value in result.metrics.items()
            if {"mb", "layers", "speedup", "qat"}.intersection(key.split("_"))
        }
        parity[name] = facts | self._measured(best, model, folder / "measured", work, parity)
        latency = parity[name].pop("latency", None)
        if latency:
            parity["latency"][name] = latency
        write_json(work / "parity.json", parity)
        self.request.check_drop(name, parity)
        if parity[name]["value"] is not None:
            self.request.check_latency(name, latency or {})

    def _exported_for(self, name: str, best: Trial, checkpoint: Path, work: Path) -> dict[str, Any]:
        """Export the checkpoint for a program; return the file, and what the program changes."""
        folder = work / name
        result = self._actions.run(
            "export", best, folder, checkpoint, folder / "model.onnx",
            overrides=self._actions.hints(name),
        )  # fmt: skip
        changes = {key: v for key, v in result.metrics.items() if key.endswith("changed_pixels")}
        return {"file": str(result.artifacts["onnx"].relative_to(work)), **changes}

    def _measured(
        self, best: Trial, model: Path, folder: Path, work: Path, parity: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Return the objective of a converted model; one that cannot run here stays unmeasured.

        The reason is recorded as the failure of its step and does not fail the promotion.
        """
        objective = self.experiment.settings.objective
        try:
            hints = self._actions.hints("evaluate")
            measured = self._actions.run("evaluate", best, folder, model, overrides=hints).metrics
        except Exception as error:
            if failure_kind(error) not in USER_KINDS:
                raise
            # The files are about to move.
            cause = str(error).replace(str(work), str(self.experiment.paths.promoted))
            return {"value": None, "not_measured": cause}
        value = objective.measured(measured)
        sign = 1 if objective.mode == "max" else -1
        drop = sign * (parity["checkpoint"] - value)
        return {"value": value, "drop": drop, "latency": latency_of(measured)}

    def _from_root(self, path: Path, work: Path) -> str:
        """Return the later path of a file, relative to the experiment, which may be moved."""
        return str(Path(self.experiment.paths.promoted.name) / path.relative_to(work))

    def _evaluated(self, best: Trial, models: Mapping[str, Path], work: Path) -> dict[str, Result]:
        """Return the results on the validation split by name, each in a folder of its own."""
        hints = self._actions.hints("evaluate")
        return {
            name: self._actions.run("evaluate", best, work / name, model, overrides=hints)
            for name, model in models.items()
        }

    def _parity(
        self,
        best: Trial,
        checkpoint: Path,
        onnx: Path,
        metrics: Mapping[str, Mapping[str, float]],
        refined: float | None,
    ) -> dict[str, Any]:
        objective = self.experiment.settings.objective
        values = {name: objective.measured(found) for name, found in metrics.items()}
        recorded = self.experiment.value_of(best) if refined is None else refined
        difference = abs(values["onnx"] - values["checkpoint"])
        drift = abs(values["checkpoint"] - (recorded if recorded is not None else float("nan")))
        return {
            "metric": objective.metric,
            "trial": best.number,
            "epoch": self.experiment.epoch_of(best),
            "recorded": recorded,
            **values,
            "difference": difference,
            "tolerance": TOLERANCE,
            "is_equal": difference <= TOLERANCE and drift <= TOLERANCE,
            "checkpoint_sha256": _digest(checkpoint),
            "onnx_sha256": _digest(onnx),
            "latency": {name: speed for name, m in metrics.items() if (speed := latency_of(m))},
            "machine": environment(self.skill.folder).get("processor", "an unknown processor"),
        }

    def _rejected(self, error: Exception, best: Trial, work: Path) -> RunFailed:
        """Keep the files and steps of a failed promotion; return the error that reports it."""
        target = self.experiment.paths.rejected
        reason, log = self._reason(error, work)
        self._move(best, work, target)
        place = f"files: {target}, log: {log}" if log else f"files: {target}"
        return RunFailed(f"not promoted: {reason} ({place})")

    def _reason(self, error: Exception, work: Path) -> tuple[str, Path | None]:
        """Return why a model was refused, and the log of the step if one failed.

        Paths are those in rejected/. A gate's refusal becomes the failure of the step before it.
        """
        steps, target = self._actions.steps, self.experiment.paths.rejected
        last = steps[-1] if steps else None
        text = " ".join(str(error).split()).replace(str(work), str(target))
        if isinstance(error, GateError):
            if last is not None:
                steps[-1] = replace(last, failure=Failure(FailureKind.REJECTED, text))
            return text, None
        if last is None or last.failure is None:
            return f"{type(error).__name__}: {text}", None
        message = last.failure.message.replace(str(work), str(target))
        log = target / last.folder.relative_to(work) / "log.txt"
        return f"{last.action} failed: {last.failure.kind}: {message}", log

    def _move(self, best: Trial, work: Path, target: Path, *, aside: Iterable[str] = ()) -> None:
        """Move the files of a promotion to `target`, and subfolders `aside` to rejected/."""
        rejected = self.experiment.paths.rejected
        names = [name for name in aside if (work / name).is_dir()]
        if names:
            remove(rejected)
            rejected.mkdir()
        for name in names:
            (work / name).rename(rejected / name)
        replace_folder(work, target)
        steps = self._actions.steps
        keep_steps(self.experiment, best.number, steps, work=work, target=target, aside=names)


def _calibration(*steps: Mapping[str, float]) -> dict[str, float]:
    """Return the temperature and the calibration errors that the steps of a promotion report."""
    endings = ("temperature", "_ece", "_ece_calibrated")
    return {name: value for step in steps for name, value in step.items() if name.endswith(endings)}


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
