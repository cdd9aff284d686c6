"""Checks a skill's folder: its files, its manifest, its templates, and that it can be searched.

A folder is laid out as a skill (`schemas/`, `references/`), or flat: schemas with manifest.json and
skill_info.yaml beside them, as a copy of some of a skill's files has it.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from automl.errors import UsageError, nearest
from automl.files import read_yaml
from automl.schema.schema import Schema
from automl.schema.spec import unflatten
from automl.skill.info import SkillInfo
from automl.skill.transfer import TransferTable
from automl.space.build import space_from_schema
from automl.space.space import SearchSpace

_SUFFIX = ".schema.json"
_LISTS = ("automl_default_parameters", "automl_disabled_parameters")


@dataclass(frozen=True)
class Problem:
    """One thing wrong in a skill's folder; `key` is empty if it concerns a whole file."""

    file: str
    key: str
    message: str
    is_warning: bool = False
    """Whether the skill runs all the same: no run reads the manifest, and a run takes a template's
    own values as they are."""

    def __str__(self) -> str:
        return ": ".join(part for part in (self.file, self.key, self.message) if part)


@dataclass(frozen=True)
class SkillFiles:
    """Where the files of a skill's folder are; None for those that it has not."""

    root: Path
    is_flat: bool
    schemas: Mapping[str, Path]
    manifest: Path | None
    info: Path | None

    @classmethod
    def find(cls, root: Path) -> "SkillFiles":
        """Look through a folder; raises `UsageError` if it holds no schema at all."""
        if not root.is_dir():
            raise UsageError(f"{root}: no such folder")
        folder = root / "schemas" if (root / "schemas").is_dir() else root
        schemas = {p.name.removesuffix(_SUFFIX): p for p in sorted(folder.glob(f"*{_SUFFIX}"))}
        if not schemas:
            raise UsageError(
                f"{root}: is not a skill's folder: it has neither schemas/ACTION{_SUFFIX} nor "
                f"ACTION{_SUFFIX}"
            )
        manifest = folder / "manifest.json"
        infos = (root / "references" / "skill_info.yaml", root / "skill_info.yaml")
        info = next((path for path in infos if path.is_file()), None)
        is_flat = folder == root
        return cls(root, is_flat, schemas, manifest if manifest.is_file() else None, info)

    def template(self, action: str) -> Path | None:
        """Return the spec template of an action, None if there is none."""
        name = f"spec_template_{action}.yaml"
        places = (self.root / "references" / name, self.root / name)
        return next((path for path in places if path.is_file()), None)

    def name(self, path: Path) -> str:
        """Return a file's name within the folder."""
        return str(path.relative_to(self.root)) if path.is_relative_to(self.root) else str(path)


@dataclass
class Checked:
    """The result of a check."""

    skill: str
    problems: list[Problem] = field(default_factory=list)
    schema: Schema | None = None
    spec: dict[str, Any] = field(default_factory=dict)
    """The train action's template over its schema's defaults, nested."""
    space: SearchSpace | None = None
    """The parameters that can be searched."""

    @property
    def is_ok(self) -> bool:
        """Whether there are at most warnings."""
        return all(problem.is_warning for problem in self.problems)


def check_folder(root: Path) -> Checked:
    """Check a folder; raises `UsageError` if there is nothing to check."""
    files = SkillFiles.find(root)
    checked = Checked(root.resolve().name)
    note = checked.problems.append

    def warn(problem: Problem) -> None:
        note(replace(problem, is_warning=True))

    info = _info(files, note)
    checked.skill = str(info.get("name") or info.get("network_arch") or checked.skill)
    schemas = {}
    for action, path in files.schemas.items():
        schema = _schema(files, path, note)
        if schema is not None:
            schemas[action] = schema
            template = _template(files, action, schema, note, warn)
            if action == "train":
                checked.spec = unflatten({**schema.defaults(), **_flat(template, schema)})
    _check_manifest(files, schemas, warn)
    if files.info is not None and isinstance(transfer := info.get("transfer"), str):
        _check_transfer(files, files.info.parent / transfer, schemas.get("train"), note)
    checked.schema = schemas.get("train")
    if "train" not in files.schemas:
        note(Problem(f"train{_SUFFIX}", "", "is missing: without it nothing is searched"))
    elif checked.schema is not None:
        file = files.name(files.schemas["train"])
        checked.space = _space(checked.schema, checked.spec, file, note)
    return checked


Note = Callable[[Problem], None]


def _schema(files: SkillFiles, path: Path, note: Note) -> Schema | None:
    with _noting(files, path, note):
        return Schema.read(path)
    return None


@contextmanager
def _noting(files: SkillFiles, path: Path, note: Note) -> Iterator[None]:
    """Note the faults of a `UsageError` as problems of a file, whose path their front may have."""
    try:
        yield
    except UsageError as error:
        for fault in error.faults:
            note(_problem(files.name(path), fault.removeprefix(f"{path}: ")))


def _problem(file: str, fault: str, keys: Mapping[str, Any] | None = None) -> Problem:
    """Return a fault as a problem: its key is what stands before the first colon, if anything."""
    key, colon, message = fault.partition(": ")
    is_key = colon and " " not in key and (keys is None or key in keys)
    return Problem(file, key, message) if is_key else Problem(file, "", fault)


def _info(files: SkillFiles, note: Note) -> Mapping[str, Any]:
    if files.info is None:
        if not files.is_flat:
            note(Problem("references/skill_info.yaml", "", "is missing"))
        return {}
    name = files.name(files.info)
    content = _yaml(files, files.info, note)
    if content is None:
        return {}
    if not files.is_flat:
        with _noting(files, files.info, note):
            SkillInfo.read(files.root)
    for word, kind in (("name", str), ("automl_enabled", bool), ("actions", dict)):
        if word not in content and word != "name":  # The network's or the folder's name will do.
            note(Problem(name, word, "is missing"))
        elif not isinstance(content.get(word, ""), kind):
            note(Problem(name, word, f"{content[word]!r:.60} is not a {kind.__name__}"))
    return content


def _yaml(files: SkillFiles, path: Path, note: Note) -> Mapping[str, Any] | None:
    with _noting(files, path, note):
        content = read_yaml(path)
        if isinstance(content, Mapping):
            return content
        note(Problem(files.name(path), "", "is not a mapping"))
    return None


def _check_transfer(files: SkillFiles, path: Path, schema: Schema | None, note: Note) -> None:
    """Note what is wrong in the trials on other data sets; a key may be a number of a list."""
    keys = {} if schema is None else schema.fields
    with _noting(files, path, note):
        for key in sorted(TransferTable.read(path).keys):
            if keys and key not in keys and key.rpartition(".")[0] not in keys:
                note(Problem(files.name(path), key, f"unknown key{nearest(key, keys)}"))


def _template(
    files: SkillFiles, action: str, schema: Schema, note: Note, warn: Note
) -> Mapping[str, Any]:
    path = files.template(action)
    if path is None:
        if not files.is_flat:
            warn(Problem(f"references/spec_template_{action}.yaml", "", "is missing"))
        return {}
    name = files.name(path)
    content = _yaml(files, path, note)
    if content is None:
        return {}
    for fault in schema.spec_faults(content):
        warn(_problem(name, fault))
    return content


def _flat(spec: Mapping[str, Any], schema: Schema) -> dict[str, Any]:
    """Return the values of those keys that a schema knows."""
    values = {}
    for key in schema.fields:
        node: Any = spec
        for name in key.split("."):
            node = node[name] if isinstance(node, Mapping) and name in node else None
            if node is None:
                break
        if node is not None:
            values[key] = node
    return values


def _check_manifest(files: SkillFiles, schemas: Mapping[str, Schema], warn: Note) -> None:
    if files.manifest is None:
        if not files.is_flat:
            warn(Problem("schemas/manifest.json", "", "is missing"))
        return
    name = files.name(files.manifest)
    try:
        content = json.loads(files.manifest.read_text(encoding="utf-8"))
    except OSError as error:
        warn(Problem(name, "", f"cannot be read ({error.strerror})"))
        return
    except (ValueError, RecursionError) as error:
        warn(Problem(name, "", f"is not JSON ({error})"))
        return
    actions = content.get("actions") if isinstance(content, Mapping) else None
    if not isinstance(actions, Mapping):
        warn(Problem(name, "actions", "is not a mapping of the actions"))
        return
    for action, entry in actions.items():
        for problem in _entry_problems(files, str(action), entry, schemas.get(action)):
            warn(Problem(name, f"actions.{action}{problem[0]}", problem[1]))
    for action in files.schemas:
        if action not in actions:
            warn(Problem(name, f"actions.{action}", "is missing though there is its schema"))


def _entry_problems(
    files: SkillFiles, action: str, entry: Any, schema: Schema | None
) -> Iterator[tuple[str, str]]:
    """Yield the word of a manifest's entry, and what is wrong with it."""
    if not isinstance(entry, Mapping):
        yield "", f"{entry!r:.60} is not a mapping"
        return
    for word in ("path", "spec_template"):
        place = entry.get(word)
        if not isinstance(place, str):
            yield f".{word}", f"{place!r:.60} is not a path"
        elif not files.is_flat and not (files.root / place).is_file():
            yield f".{word}", f"{place} does not exist"
    if schema is None:
        return
    for word in _LISTS:
        stated, meant = entry.get(word, []), set(schema.document.get(word) or ())
        if not isinstance(stated, list) or not all(isinstance(key, str) for key in stated):
            yield f".{word}", f"{stated!r:.60} is not a list of keys"
        elif set(stated) != meant:
            odd = sorted(set(stated) ^ meant)
            yield f".{word}", f"differs from the schema in {', '.join(odd[:3])}"


def _space(schema: Schema, spec: Mapping[str, Any], file: str, note: Note) -> SearchSpace | None:
    """Return the space of what can be searched; what cannot is noted, key by key."""
    dropped: frozenset[str] = frozenset()
    while True:
        try:
            return space_from_schema(schema, spec, dropped=dropped)
        except UsageError as error:
            problems = [_problem(file, fault) for fault in error.faults]
            for problem in problems:
                note(problem)
            # A place of a list has a key of its own.
            keys = {part for p in problems for part in (p.key, p.key.rpartition(".")[0])}
            faulty = keys & set(schema.automl_defaults) - dropped
            if not faulty:
                return None
            dropped |= faulty
