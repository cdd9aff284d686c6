"""A skill without Python code: a folder whose actions are commands, e.g. ``prog train -e FILE``.

The spec is written to a file, the command runs as a child, and what it tells in its status or
metrics file are the reports. A decision to pause or stop ends the child and all that it started.
"""

import json
import math
import re
import shlex
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from automl.errors import UsageError
from automl.schema.schema import Schema
from automl.schema.spec import flatten, unflatten
from automl.skill.base import ReportMetrics
from automl.skill.command.data import data_summary
from automl.skill.command.process import Child, environment
from automl.skill.command.report_files import ReportReader, ReportSource
from automl.skill.command.watchdog import NOT_STARTED
from automl.skill.info import SkillInfo, schema_path, template_path

_POLL_S = 0.1
_MISSING = "???"
"""How TAO's templates write a value that has to be given."""
_NO_MEMORY = re.compile(r"out of memory|OutOfMemoryError|MemoryError|bad_alloc", re.IGNORECASE)
_SIGKILL = 9


class CommandError(Exception):
    """A command that did not do what it was for; `kind` is that of the failure."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind
        self.faults = (message,)


@dataclass(frozen=True)
class CommandResult:
    """The files and the numbers that a command left."""

    artifacts: dict[str, Path] = field(default_factory=dict)
    metrics: dict[str, float] = field(default_factory=dict)


class CommandSkill:
    """The skill in a folder: see `automl.skill.base.Skill` for its verbs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()
        self.info = SkillInfo.read(self.folder)
        self.name = self.info.name

    def resolve(self, action: str, overrides: Mapping[str, Any]) -> dict[str, Any]:
        """Return the template with `overrides`; raises `UsageError` naming all faults."""
        self._program(action)
        flat = flatten(self._template(action))
        given = {self.info.shorthand.get(key, key): value for key, value in overrides.items()}
        path = schema_path(self.folder, action)
        if path.exists():
            schema = Schema.read(path)
            schema.check_keys(given)
            flat = {k: f.default for k, f in schema.fields.items()} | flat
        flat |= given
        filled = self.info.spec_params.get(action, {})
        faults = [
            f"{key}: is not set; give {key}=VALUE"
            for key, value in flat.items()
            if value == _MISSING and key not in filled
        ]
        if faults:
            raise UsageError(*faults)
        return unflatten(flat)

    def check(
        self, spec: dict[str, Any], *, progress: Callable[[int, int], None] | None = None
    ) -> Mapping[str, Any]:
        """Check that the program and the data are there; return a fingerprint of the data."""
        words = self._program("train")
        if shutil.which(words[0], path=environment()["PATH"]) is None:
            raise UsageError(
                f"{self.name}: its command {words[0]!r} is not on the PATH; install it, or fix "
                f"actions.train.command in {self.folder}/references/skill_info.yaml"
            )
        flat = flatten(spec)
        keys = self.info.data_sources.get("train", {})
        return data_summary({key: flat.get(key) for key in keys}, progress=progress)

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
        flat = flatten(spec) | self._own_places(action, folder)
        config = self._write_config(action, flat, folder)
        metric = self.info.objective.metric if action == "train" else None
        reader = ReportReader(folder, self._source(action), metric)
        listen = report or (lambda _epoch, _metrics: "continue")
        if not _goes_on(list(reader.new())[-1:], listen):
            return self._result(action, flat, folder, reader)
        log = folder / "log.txt"
        with Child(self._words(action, config), folder, log) as child:
            while (code := child.poll()) is None:
                if not _goes_on(reader.new(), listen):
                    return self._result(action, flat, folder, reader)
                time.sleep(_POLL_S)
        if code:
            raise _failure(code, log)
        last = flat.get(self.info.epochs_key) if action == "train" else None
        _goes_on(reader.new(otherwise=None if last is None else int(last)), listen)
        if metric is not None and metric not in reader.metrics:
            raise CommandError(
                "no_metric",
                f"the command ended without telling {metric}; it told "
                f"{', '.join(sorted(reader.metrics)) or 'nothing'} in "
                f"{' or '.join(self._source(action).files)}",
            )
        return self._result(action, flat, folder, reader)

    def sample(self, folder: Path, *, seed: int) -> None:
        """Refuse: the folder of a command skill holds nothing that makes data."""
        raise UsageError(f"{self.name}: is a folder with commands, which makes no sample data")

    def generate(self, folder: Path) -> list[Path]:
        """Refuse: the schemas of a command skill are its source."""
        raise UsageError(
            f"{self.name}: is a folder with commands; its schemas are its source, not generated"
        )

    def _program(self, action: str) -> list[str]:
        """Return the words of an action's command; raises `UsageError`."""
        actions = self.info.actions
        if action not in actions:
            raise UsageError(f"{self.name}: has no action {action}; it has {', '.join(actions)}")
        words = shlex.split(actions[action].get("command", ""))
        if not any("{config_path}" in word for word in words):
            raise UsageError(f"{self.name}: actions.{action}.command has no {{config_path}} in it")
        return words

    def _words(self, action: str, config: Path) -> list[str]:
        places = {"{config_path}": str(config), "{skill_dir}": str(self.folder)}
        words = self._program(action)
        for name, place in places.items():
            words = [word.replace(name, place) for word in words]
        return words

    def _source(self, action: str) -> ReportSource:
        return ReportSource.from_dict(self.info.actions[action].get("reports", {}))

    def _template(self, action: str) -> dict[str, Any]:
        path = template_path(self.folder, action)
        if not path.exists():
            return {}
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        return content if isinstance(content, dict) else {}

    def _own_places(self, action: str, folder: Path) -> dict[str, str]:
        """Return the keys that only this run can fill: its folder, and where it goes on from."""
        places = {}
        for key, function in self.info.spec_params.get(action, {}).items():
            if function == "output_dir":
                places[key] = str(folder)
            elif function == "resume_model" and (last := self._checkpoint("last", action, folder)):
                places[key] = str(last)
        return places

    def _checkpoint(self, name: str, action: str, folder: Path) -> Path | None:
        relative = self.info.checkpoints.get(name)
        if relative is None:
            return None
        places = (folder / relative, folder / action / relative)
        return next((path for path in places if path.exists()), None)

    def _write_config(self, action: str, flat: Mapping[str, Any], folder: Path) -> Path:
        kind = self.info.actions[action].get("config_format", "yaml")
        nested = unflatten(flat)
        path = folder / f"config.{kind}"
        text = json.dumps(nested) if kind == "json" else yaml.safe_dump(nested, sort_keys=False)
        path.write_text(text, encoding="utf-8")
        return path

    def _result(
        self, action: str, flat: Mapping[str, Any], folder: Path, reader: ReportReader
    ) -> CommandResult:
        found = {name: self._checkpoint(name, action, folder) for name in self.info.checkpoints}
        for key, function in self.info.spec_params.get(action, {}).items():
            if function == "create_onnx_file":
                found["onnx"] = Path(str(flat[key]))
        files = {name: path for name, path in found.items() if path is not None and path.exists()}
        return CommandResult(files, reader.metrics)


def _goes_on(reports: Any, listen: ReportMetrics) -> bool:
    """Hand reports on and say whether the training goes on after them."""
    for epoch, metrics in reports:
        bad = sorted(name for name, value in metrics.items() if not math.isfinite(value))
        if bad:
            raise CommandError("diverged", f"{', '.join(bad)} is not finite at epoch {epoch}")
        if listen(epoch, metrics) != "continue":
            return False
    return True


def _failure(code: int, log: Path) -> CommandError:
    """Return the failure that an exit code and the end of the log tell of."""
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    said = next((line.strip() for line in reversed(lines) if line.strip()), "it said nothing")
    if code == -_SIGKILL:
        return CommandError("lost", "the command was killed (SIGKILL)")
    if any(_NO_MEMORY.search(line) for line in lines[-30:]):
        return CommandError("out_of_memory", said)
    if code == NOT_STARTED:
        return CommandError("crashed", f"the command could not be started: {said}")
    how = f"died of signal {-code}" if code < 0 else f"ended with exit code {code}"
    return CommandError("crashed", f"the command {how}: {said}")
