"""Runs the skill's actions for a promotion, and records how each ended."""

import time
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from automl.experiment.experiment import Experiment
from automl.promotion.steps import Step
from automl.redact import redacted
from automl.schema.schema import Schema
from automl.schema.spec import flatten, leaves
from automl.skill.base import Result, Skill
from automl.skill.failures import failure_from_error
from automl.skill.info import SkillInfo, schema_path
from automl.skill.inputs import keys_taking
from automl.trial.trial import Trial


class ActionRunner:
    """Runs actions with the spec of a trial."""

    def __init__(self, experiment: Experiment, skill: Skill, info: SkillInfo) -> None:
        self._experiment = experiment
        self._skill = skill
        self._info = info
        self.steps: list[Step] = []
        """The actions that have run, in order."""

    def run(
        self,
        action: str,
        trial: Trial,
        folder: Path,
        parent: Path,
        onnx: Path | None = None,
        *,
        overrides: Mapping[str, Any] | None = None,
    ) -> Result:
        """Run an action on a model file and record it as a step.

        Args:
            action: The action of the skill.
            trial: Whose spec it gets.
            folder: Where its results go, and the trace of a failure as log.txt.
            parent: The model file.
            onnx: Where an export writes its model.
            overrides: Values by dotted key that win over the trial's.
        """
        started = time.time()
        try:
            spec = self._spec(action, trial, parent, onnx, overrides or {})
            result = self._skill.run(action, spec, folder)
        except Exception as error:  # A skill may raise anything.
            folder.mkdir(parents=True, exist_ok=True)
            with (folder / "log.txt").open("a") as log:
                log.write(redacted(traceback.format_exc()))
            failure = failure_from_error(error)
            self.steps.append(Step(action, folder, parent, started, time.time(), failure=failure))
            raise
        self.steps.append(Step(action, folder, parent, started, time.time(), result))
        return result

    def hints(self, step: str) -> Mapping[str, Any]:
        """Return the values that skill_info.yaml gives for a step of promotions."""
        return self._info.promotion.get(step, {})

    def _spec(
        self,
        action: str,
        trial: Trial,
        parent: Path,
        onnx: Path | None,
        overrides: Mapping[str, Any],
    ) -> dict[str, Any]:
        (key, *_) = keys_taking(self._info, action, parent)
        models = {key: str(parent.resolve())}
        if onnx is not None:
            models[self._info.key_of(action, "create_onnx_file")] = str(onnx.resolve())
        path, whole = schema_path(self._skill.folder, action), self._experiment.spec_of(trial)
        # A skill without schemas selects by itself the keys that an action has.
        shared = leaves(whole, Schema.read(path).fields) if path.exists() else flatten(whole)
        copied = self._copied(action, trial)
        return self._skill.resolve(action, {**shared, **overrides, **models, **copied})

    def _copied(self, action: str, trial: Trial) -> dict[str, Any]:
        """Return the keys of an export that take their value from the trial's spec."""
        flat = flatten(self._experiment.spec_of(trial))
        hints = self.hints(action) if action == "export" else {}
        return {key: flat[source] for key, source in hints.items() if source in flat}
