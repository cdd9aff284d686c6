"""What a skill is to the controller: a folder, five verbs, and the facts of its skill_info.yaml."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any, Protocol, cast

import yaml

from automl.errors import UsageError, nearest
from automl.objective import Objective

GROUP = "automl.skills"
USER_KINDS = ("usage", "bad_data")

ReportMetrics = Callable[[int, dict[str, float]], str]
"""Called with an epoch counted from 1 and its metrics; answers continue, pause or stop."""


class Result(Protocol):
    """What an action leaves: files by name and metrics by name."""

    @property
    def artifacts(self) -> Mapping[str, Path]: ...  # noqa: D102

    @property
    def metrics(self) -> Mapping[str, float]: ...  # noqa: D102


class Skill(Protocol):
    """Something that can be trained. Its errors carry a `kind`; see `failure_kind`."""

    name: str
    folder: Path

    def resolve(self, action: str, overrides: Mapping[str, Any]) -> dict[str, Any]:
        """Return the whole spec of an action: template, what the data says, then `overrides`."""
        ...

    def check(
        self, spec: dict[str, Any], *, progress: Callable[[int, int], None] | None = None
    ) -> Mapping[str, Any]:
        """Check the data of a train spec before any training and return a summary of it."""
        ...

    def run(
        self,
        action: str,
        spec: dict[str, Any],
        folder: Path,
        report: ReportMetrics | None = None,
    ) -> Result:
        """Run an action in a folder of its own; training resumes from what it finds there."""
        ...

    def sample(self, folder: Path, *, seed: int) -> None:
        """Write a generated data set."""
        ...

    def generate(self, folder: Path) -> list[Path]:
        """Write the skill's schemas, templates and skill_info.yaml from its spec classes."""
        ...


@dataclass(frozen=True)
class SkillInfo:
    """The facts of references/skill_info.yaml that the controller acts on."""

    name: str
    automl_enabled: bool
    objective: Objective
    epochs_key: str
    data_key: str
    checkpoints: Mapping[str, str]
    shorthand: Mapping[str, str] = field(default_factory=dict)
    spec_params: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    promotion: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @classmethod
    def read(cls, folder: Path) -> "SkillInfo":
        """Read a skill folder's skill_info.yaml; raises `UsageError` naming what is missing."""
        path = folder / "references" / "skill_info.yaml"
        try:
            info = yaml.safe_load(path.read_text())
            return cls(
                name=info["name"],
                automl_enabled=bool(info["automl_enabled"]),
                objective=Objective(**info["objective"]),
                epochs_key=info["epochs_key"],
                data_key=next(iter(info["data_sources"]["train"])),
                checkpoints=info["checkpoints"],
                shorthand=info.get("spec_shorthand_keys", {}),
                spec_params=info.get("spec_params", {}),
                promotion=info.get("promotion", {}),
            )
        except OSError as error:
            raise UsageError(f"{path}: cannot be read ({error.strerror})") from error
        except (KeyError, TypeError, StopIteration, yaml.YAMLError) as error:
            raise UsageError(f"{path}: is not a complete skill_info.yaml ({error})") from error

    def key_of(self, action: str, function: str) -> str:
        """Return the key of `action` that an inference function fills, e.g. parent_model."""
        for key, name in self.spec_params.get(action, {}).items():
            if name == function:
                return key
        raise UsageError(f"{self.name}: spec_params of {action} map no key to {function}")


def schema_path(folder: Path, action: str) -> Path:
    """Return where a skill folder keeps the schema of an action."""
    return folder / "schemas" / f"{action}.schema.json"


def template_path(folder: Path, action: str) -> Path:
    """Return where a skill folder keeps the spec template of an action."""
    return folder / "references" / f"spec_template_{action}.yaml"


def installed_skills() -> dict[str, EntryPoint]:
    """Return the entry points of the skills that are installed, by name."""
    return {point.name: point for point in entry_points(group=GROUP)}


def load_skill(name: str) -> Skill:
    """Import an installed skill; raises `UsageError` with the nearest name."""
    known = installed_skills()
    if name not in known:
        raise UsageError(
            f"--skill: {name!r} is not installed{nearest(name, known)}; "
            f"installed: {', '.join(sorted(known)) or 'none'}"
        )
    return cast(Skill, known[name].load())


def only_skill() -> str:
    """Return the name of the installed skill where there is just one; else raise `UsageError`."""
    known = sorted(installed_skills())
    if len(known) != 1:
        raise UsageError(f"--skill: give one of {', '.join(known) or 'none (none is installed)'}")
    return known[0]


def failure_kind(error: BaseException) -> str | None:
    """Return the `kind` that a skill's error carries, or None for an error without one."""
    kind = getattr(error, "kind", None)
    return kind if isinstance(kind, str) else None


@contextmanager
def faults_of_the_user() -> Iterator[None]:
    """Turn a skill's errors of kind usage or bad_data into `UsageError`."""
    try:
        yield
    except Exception as error:  # A skill may raise anything; only its own faults are mapped.
        if failure_kind(error) not in USER_KINDS:
            raise
        raise UsageError(*getattr(error, "faults", (str(error),))) from error
