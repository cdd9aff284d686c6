"""A skill without Python code: a folder whose actions are commands, e.g. ``prog train -e FILE``.

The spec is written to a file, the command runs as a child, and the metrics that it writes to its
status or metrics file are the reports. A decision to pause or stop ends the child and all that it
started.
"""

import math
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from automl.errors import UsageError
from automl.files import read_yaml
from automl.schema.schema import Schema
from automl.schema.spec import flatten, unflatten, value_at
from automl.skill.base import ReportMetrics
from automl.skill.command.config_file import NAMES, write_config
from automl.skill.command.data import data_summary
from automl.skill.command.failures import CommandError, error_from_exit
from automl.skill.command.process import Child
from automl.skill.command.program import CONFIG, check_program, command_line
from automl.skill.command.report_files import ReportReader, ReportSource
from automl.skill.info import SkillInfo, schema_path, template_path
from automl.trial.objective import LAST_EPOCH, ReportError

_LOG = "log.txt"
_POLL_S = 0.1
_MISSING = "???"
"""How TAO's templates write a value that the user must give."""


@dataclass(frozen=True)
class CommandResult:
    """The files and the metrics that a command left."""

    artifacts: dict[str, Path] = field(default_factory=dict)
    metrics: dict[str, float] = field(default_factory=dict)


class CommandSkill:
    """The skill in a folder: see `automl.skill.base.Skill` for its verbs."""

    def __init__(self, folder: Path, metrics: Sequence[str] = ()) -> None:
        self.folder = folder.resolve()
        self.info = SkillInfo.read(self.folder)
        self.name = self.info.name
        stated = self.info.stated_objective
        self._metrics = tuple(metrics) or (() if stated is None else (stated.metric,))

    def resolve(self, action: str, overrides: Mapping[str, Any]) -> dict[str, Any]:
        """Return the template with `overrides`; raises `UsageError` naming all faults.

        Values are checked against the schema if they differ from the skill's own. Without a schema
        that can be read, a training takes them as they are: see `automl.skill.route`.
        """
        self._command(action)
        values = {self.info.shorthand.get(key, key): value for key, value in overrides.items()}
        schema, template = self._schema(action), self._template(action)
        constants = dict(self.info.constants.get(action, {}))
        if schema is None:
            own = flatten(template) | constants
        else:
            own = schema.defaults() | schema.flat(template) | constants
            base = unflatten(own)
            schema.check_keys({k: v for k, v in values.items() if value_at(base, k) != v})
        flat = own | values
        filled = self.info.spec_params.get(action, {})
        faults = [
            f"{key}: is not set; give {key}=VALUE"
            for key, value in flat.items()
            if value == _MISSING and key not in filled and self.info.requires(action, key)
        ]
        if faults:
            raise UsageError(*faults)
        return unflatten(flat)

    def check(
        self, spec: dict[str, Any], *, progress: Callable[[int, int], None] | None = None
    ) -> Mapping[str, Any]:
        """Check that the program and the data are there; return a fingerprint of the data."""
        check_program(self._command("train"), self.name, self.folder)
        keys = self.info.data_sources.get("train", {})
        return data_summary({key: value_at(spec, key) for key in keys}, progress=progress)

    def run(
        self,
        action: str,
        spec: dict[str, Any],
        folder: Path,
        report: ReportMetrics | None = None,
    ) -> CommandResult:
        """Run an action's command in a folder; raises `CommandError` with the kind of failure.

        A training that is run again finds its last checkpoint under the key of `resume_model`.
        """
        folder = folder.resolve()
        folder.mkdir(parents=True, exist_ok=True)
        resolved = unflatten(flatten(spec) | self._own_places(action, folder))
        config = write_config(
            folder, resolved, self.info.actions[action].get("config_format", "yaml")
        )
        awaited = self._metrics if action == "train" else ()
        reader = ReportReader(folder, self._source(action), awaited)
        listen = report or (lambda _epoch, _metrics: "continue")
        if not self._continues(list(reader.new())[-1:], listen):
            return self._result(action, resolved, folder, reader)
        log, last = folder / _LOG, self._last_epoch(action, resolved)
        with Child(self._words(action, config), folder, log) as child:
            while (code := child.poll()) is None:
                if not self._continues(reader.new(), listen, last):
                    return self._result(action, resolved, folder, reader)
                time.sleep(_POLL_S)
        if code:
            raise error_from_exit(code, log)
        self._continues(reader.new(last=last), listen)
        if missing := set(awaited) - reader.metrics.keys():
            raise CommandError(
                "no_metric",
                f"the command ended without reporting {', '.join(sorted(missing))}; it reported "
                f"{', '.join(sorted(reader.metrics)) or 'nothing'} in "
                f"{' or '.join(self._source(action).files)}",
            )
        return self._result(action, resolved, folder, reader)

    def reported_epoch(self, folder: Path) -> int | None:
        """Return the epoch of the last report in a training's folder; None if it left none."""
        reader = ReportReader(folder, self._source("train"), self._metrics)
        # A training that resumes meets the same error, and fails with it.
        with suppress(ReportError):
            for epoch, _ in list(reader.new())[-1:]:
                return epoch
        return None

    def beginnings(self, action: str) -> Sequence[str]:
        """Return the names of the files that an action writes before its first result."""
        return [*NAMES, _LOG, *self._source(action).files]

    def sample(self, folder: Path, *, seed: int, kind: str | None = None) -> None:
        """Refuse: the folder of a command skill holds nothing that makes data."""
        raise UsageError(f"{self.name}: is a folder with commands, which makes no sample data")

    def generate(self, folder: Path) -> list[Path]:
        """Refuse: the schemas of a command skill are its source."""
        raise UsageError(
            f"{self.name}: is a folder with commands; its schemas are its source, not generated"
        )

    def _command(self, action: str) -> str:
        """Return an action's command; raises `UsageError`."""
        actions = self.info.actions
        if action not in actions:
            raise UsageError(f"{self.name}: has no action {action}; it has {', '.join(actions)}")
        command = str(actions[action].get("command", ""))
        if CONFIG not in command:
            raise UsageError(f"{self.name}: actions.{action}.command has no {CONFIG} in it")
        return command

    def _words(self, action: str, config: Path) -> list[str]:
        places = {CONFIG: str(config), "{skill_dir}": str(self.folder)}
        return command_line(self._command(action), places)

    def _schema(self, action: str) -> Schema | None:
        path = schema_path(self.folder, action)
        if not path.exists():
            return None
        try:
            return Schema.read(path)
        except UsageError:
            if action != "train":
                raise
            return None

    def _last_epoch(self, action: str, spec: Mapping[str, Any]) -> int | None:
        """Return the epoch that a training of a spec ends with, None for another action."""
        if action != "train":
            return None
        key = self.info.stated_epochs_key
        return 1 if key is None else int(value_at(spec, key))

    def _continues(
        self,
        reports: Iterable[tuple[int, dict[str, float]]],
        listen: ReportMetrics,
        last: int | None = None,
    ) -> bool:
        """Hand reports to `listen` and return whether the training continues after them.

        After its `last` epoch it ends by itself: it may write more files.
        """
        for epoch, metrics in reports:
            bad = sorted(name for name, value in metrics.items() if not math.isfinite(value))
            if bad:
                raise CommandError("diverged", f"{', '.join(bad)} is not finite at epoch {epoch}")
            reported = metrics if self._metrics else {**metrics, LAST_EPOCH.metric: float(epoch)}
            if listen(epoch, reported) != "continue" and (last is None or epoch < last):
                return False
        return True

    def _source(self, action: str) -> ReportSource:
        return ReportSource.from_dict(self.info.actions[action].get("reports", {}))

    def _template(self, action: str) -> dict[str, Any]:
        path = template_path(self.folder, action)
        content = read_yaml(path) if path.exists() else None
        return content if isinstance(content, dict) else {}

    def _own_places(self, action: str, folder: Path) -> dict[str, str]:
        """Return the keys that only this run can fill: its folder, and its last checkpoint."""
        places = {}
        for key, function in self.info.spec_params.get(action, {}).items():
            if function == "output_dir":
                places[key] = str(folder)
            elif function == "resume_model" and (
                last := self.info.checkpoint_in(folder, "last", action=action)
            ):
                places[key] = str(last)
        return places

    def _result(
        self, action: str, spec: Mapping[str, Any], folder: Path, reader: ReportReader
    ) -> CommandResult:
        names = self.info.checkpoints
        paths = {name: self.info.checkpoint_in(folder, name, action=action) for name in names}
        for key, function in self.info.spec_params.get(action, {}).items():
            if function == "create_onnx_file":
                paths["onnx"] = Path(str(value_at(spec, key)))
        files = {name: path for name, path in paths.items() if path is not None and path.exists()}
        return CommandResult(files, reader.metrics)
