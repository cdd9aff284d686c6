"""Looks for harmed files in an experiment's folder, and mends what can be mended without loss."""

import hashlib
import shutil
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from automl.errors import UsageError
from automl.experiment.checksums import check_file, is_changed, without_checksum
from automl.experiment.derived import fault_of
from automl.experiment.events import EventCheck
from automl.experiment.experiment import Experiment, event_check, results, space_of
from automl.experiment.journal import JournalError, JournalReader
from automl.experiment.lock import ExperimentLock
from automl.experiment.paths import ExperimentPaths
from automl.experiment.settings import Settings, with_checksums
from automl.files import (
    json_text,
    open_regular,
    parse_yaml,
    read_bytes,
    read_text,
    remove,
    write_json,
)
from automl.jobs.mirror import JobObserver
from automl.jobs.store import JobStore
from automl.report.importance import write_importance
from automl.report.leaderboard import best_content, write_results
from automl.report.page.page import write_report
from automl.schema.schema import Schema
from automl.space.bounds import check_bounds

_IN_TRIALS = ("memory.json", "environment.json")
_OVER = ("finished", "failed")


@dataclass(frozen=True)
class Finding:
    """One harmed or missing file, and what can be done about it."""

    file: Path
    fault: str
    next: str
    line: int | None = None
    is_derived: bool = False
    """Whether `rebuild` makes the file again, or removes it if nothing depends on it."""

    def text(self) -> str:
        """Return a line for people."""
        place = f"{self.file}: " if self.line is None else f"{self.file}: line {self.line}: "
        return f"{place}{self.fault}; {self.next}"

    def to_dict(self) -> dict[str, Any]:
        """Return the plain form of ``--json``."""
        return {
            "file": str(self.file), "line": self.line, "fault": self.fault, "next": self.next,
            "is_derived": self.is_derived,
        }  # fmt: skip


def findings(root: Path) -> list[Finding]:
    """Return what is harmed in an experiment's folder; files that depend on it are left out."""
    paths = ExperimentPaths(root)
    harmed = [*_of_settings(paths), *_of_journal(paths)]
    if harmed:
        return harmed
    experiment = Experiment.load(root)
    return [*_of_derived(experiment), *_of_results(experiment)]


def accept(root: Path) -> None:
    """Take settings.yaml and the files beside it as they are now for what they should be.

    Raises `UsageError` if the settings cannot be read.
    """
    paths = ExperimentPaths(root)
    with ExperimentLock(paths):
        text = without_checksum(read_text(paths.settings, is_ours=True))
        content = parse_yaml(text, paths.settings)
        settings = Settings.from_dict(content, source=str(paths.settings))
        accepted = with_checksums(settings, paths)
        space = space_of(paths, accepted)
        if paths.schema.exists():
            check_bounds(space, Schema.read(paths.schema))
        accepted.write(paths.settings)


def cut(root: Path) -> Path | None:
    """Drop the journal's lines from the first harmed one on; return where the whole one is kept.

    None if no line is harmed. Raises `UsageError` if not even the first line is whole.
    """
    paths = ExperimentPaths(root)
    with ExperimentLock(paths):
        reader = JournalReader(paths.journal, _event_check(paths))
        try:
            for _ in reader.new():
                pass
        except JournalError as error:
            if not reader.position:
                raise UsageError(
                    f"{paths.journal}: no line is whole, so nothing is left"
                ) from error
        else:
            return None
        kept = _free(paths.journal.with_name(f"{paths.journal.name}.harmed"))
        shutil.copy2(paths.journal, kept)
        with paths.journal.open("rb+") as file:
            file.truncate(reader.position)
        # Their checkpoints are of epochs that the journal no longer has.
        for trial in Experiment.load(root).history.trials.values():
            if not trial.state.is_final:
                remove(paths.trial(trial.number))
    return kept


def rebuild(root: Path) -> None:
    """Make the files again that follow from the journal, and remove derived ones that do not.

    Raises `UsageError` if the settings or the journal are harmed.
    """
    paths = ExperimentPaths(root)
    with ExperimentLock(paths):
        experiment = Experiment.load(root)
        space = experiment.space()
        for finding in _of_derived(experiment):
            if finding.file == paths.jobs:
                finding.file.rename(_free(paths.jobs.with_name("jobs.db.harmed")))
            else:
                remove(finding.file)
        if experiment.history.closed in _OVER:
            write_results(experiment)
            with suppress(UsageError):  # Too few trials ended to compute importances.
                write_importance(experiment, space)
        promotion = experiment.history.promotion
        if promotion is not None and paths.promoted.is_dir():
            write_json(paths.promoted / "parity.json", promotion["parity"])
        jobs = JobObserver(experiment)
        jobs.opened(experiment)
        jobs.closed(experiment)
        if experiment.history.trials:
            write_report(experiment, space)


def _event_check(paths: ExperimentPaths) -> EventCheck:
    """Return the check of the events, the values of their trials included."""
    settings = Settings.read(paths.settings)
    return event_check(settings, space_of(paths, settings))


def _of_settings(paths: ExperimentPaths) -> Iterator[Finding]:
    accepted = f"put it back from a copy, or accept it: automl fsck {paths.root} --accept"
    try:
        if is_changed(read_text(paths.settings, is_ours=True)):
            yield Finding(paths.settings, "was changed since it was written", accepted)
            return
        settings = Settings.read(paths.settings)
    except UsageError as error:
        yield Finding(paths.settings, _cause(error, paths.settings), "put it back from a copy")
        return
    for path in paths.beside_settings():
        try:
            check_file(path, settings.checksums)
        except UsageError:
            fault = "was changed since it was written" if path.exists() else "is gone"
            yield Finding(path, fault, accepted)


def _of_journal(paths: ExperimentPaths) -> Iterator[Finding]:
    """Yield the first harmed line: what comes after it cannot be judged."""
    check = None
    with suppress(UsageError):
        check = _event_check(paths)
    reader, whole = JournalReader(paths.journal, check), 0
    try:
        for _ in reader.new():
            whole += 1
    except JournalError as error:
        following = (
            f"put it back from a copy, or keep the {whole} lines before it and train the rest "
            f"again: automl fsck {paths.root} --cut"
            if whole
            else "put it back from a copy, or start a new experiment"
        )
        yield Finding(paths.journal, error.cause, following, line=error.line)
    except UsageError as error:
        yield Finding(paths.journal, _cause(error, paths.journal), "put it back from a copy")
    else:
        if not whole and (result := next(results(paths), None)) is not None:
            fault = f"holds no event, but there is {result}"
            following = "put it back from a copy, or start a new experiment"
            yield Finding(paths.journal, fault, following)


def _of_derived(experiment: Experiment) -> Iterator[Finding]:
    """Yield the harmed files that follow from the journal, or that nothing depends on."""
    paths = experiment.paths
    for path in (
        paths.importance,
        paths.importance_intervals,
        paths.mlflow,
        *_in_trials(experiment),
    ):
        if fault := fault_of(path):
            yield _derived(paths, path, fault)
    promotion = experiment.history.promotion
    if promotion is not None and paths.promoted.is_dir():
        yield from _of_json(paths, paths.promoted / "parity.json", promotion["parity"])
    if experiment.history.closed in _OVER and experiment.best is not None:
        yield from _of_json(paths, paths.best, best_content(experiment))
        for path in (paths.leaderboard, paths.report):
            if not path.is_file():
                yield _derived(paths, path, "is gone")
    try:
        JobStore(paths.root.resolve().parent).jobs()
    except UsageError as error:
        yield _derived(paths, paths.jobs, _cause(error, paths.jobs))


def _of_json(paths: ExperimentPaths, path: Path, content: Any) -> Iterator[Finding]:
    if not path.is_file():
        yield _derived(paths, path, "is gone")
    elif fault := fault_of(path):
        yield _derived(paths, path, fault)
    elif not _is_same(path, content):
        yield _derived(paths, path, "is not what the journal says")


def _of_results(experiment: Experiment) -> Iterator[Finding]:
    """Yield what is gone of the trainings and of the promoted models: no journal gives it back."""
    paths, best = experiment.paths, experiment.best
    for trial in experiment.history.trials.values():
        folder = paths.trial(trial.number)
        if trial.state.is_final and trial.reports and not folder.is_dir():
            following = "its epochs are in the journal, its checkpoints are lost"
            if trial is best:
                following += f"; promote another: automl promote {paths.root} --trial N"
            yield Finding(folder, "is gone", following)
    promotion = experiment.history.promotion or {"parity": {}}
    again = f"promote again: automl promote {paths.root}"
    for model, digest in _models(paths, promotion):
        if not model.is_file():
            yield Finding(model, "is gone", again)
        elif digest is not None and _digest(model) != digest:
            yield Finding(model, "is not the model that was promoted", again)


def _models(paths: ExperimentPaths, promotion: dict[str, Any]) -> Iterator[tuple[Path, str | None]]:
    """Yield the promoted models and their SHA-256."""
    parity = promotion["parity"]
    if "onnx" in promotion:
        yield paths.root / promotion["onnx"], parity.get("onnx_sha256")
    for facts in parity.values():
        if isinstance(facts, dict) and "file" in facts:
            yield paths.promoted / facts["file"], facts.get("sha256")


def _in_trials(experiment: Experiment) -> Iterator[Path]:
    for number in experiment.history.trials:
        yield from (experiment.paths.trial(number) / name for name in _IN_TRIALS)


def _derived(paths: ExperimentPaths, path: Path, fault: str) -> Finding:
    following = f"make it again: automl fsck {paths.root} --rebuild"
    if path.name in _IN_TRIALS:
        following = f"it is left out; remove it: automl fsck {paths.root} --rebuild"
    return Finding(path, fault, following, is_derived=True)


def _cause(error: UsageError, path: Path) -> str:
    return str(error).removeprefix(f"{path}: ")


def _is_same(path: Path, content: Any) -> bool:
    return read_bytes(path).decode() == f"{json_text(content, indent=2)}\n"


def _digest(path: Path) -> str:
    with open_regular(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _free(path: Path) -> Path:
    """Return a path beside `path` that nothing has yet: itself, or with a number."""
    number, free = 1, path
    while free.exists():
        number += 1
        free = path.with_name(f"{path.name}.{number}")
    return free
