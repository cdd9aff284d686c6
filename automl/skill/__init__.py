"""What a skill is to the controller: a folder, five verbs, and the facts of its skill_info.yaml.

A skill is installed (entry point group `automl.skills`), or it is a folder given by its path, whose
actions are commands: see `automl.skill.command`.
"""

import os
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any, Protocol, cast

from automl.errors import UsageError, nearest
from automl.files import read_yaml
from automl.trial.objective import Objective

GROUP = "automl.skills"
USER_KINDS = ("usage", "bad_data")
_MAPPINGS = (
    "costs",
    "actions",
    "data_sources",
    "checkpoints",
    "key_defaults",
    "spec_params",
    "promotion",
    "gpus",
)
_KEYS = ("images_key", "seed_key", "batch_size_key", "accumulation_key")

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


class MeasuringSkill(Protocol):
    """A skill whose skill_info.yaml has `costs`."""

    def measure(self, spec: dict[str, Any], names: Collection[str]) -> Mapping[str, float]:
        """Return costs of a spec's model, without training it."""
        ...


@dataclass(frozen=True)
class SkillInfo:
    """The facts of references/skill_info.yaml that the controller acts on."""

    name: str
    automl_enabled: bool
    path: Path
    stated_objective: Objective | None = None
    stated_epochs_key: str | None = None
    images_key: str | None = None
    """The key of inference that holds a folder of images."""
    seed_key: str | None = None
    batch_size_key: str | None = None
    accumulation_key: str | None = None
    """The key of how many batches make one step."""
    metrics: tuple[str, ...] = ()
    """What a training reports; empty where the skill does not say."""
    costs: Mapping[str, Any] = field(default_factory=dict)
    """`metrics` that are measured before a training, and the `keys` that they depend on."""
    description: str = ""
    usage: str = ""
    """Lines of Python that load a promoted model and use it."""
    actions: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """What runs each action (command, config_format, inputs), and how it reports (reports)."""
    data_sources: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """By action: the keys that hold data, each with its source, e.g. train_datasets."""
    checkpoints: Mapping[str, str] = field(default_factory=dict)
    shorthand: Mapping[str, str] = field(default_factory=dict)
    key_defaults: Mapping[str, Any] = field(default_factory=dict)
    """Values by dotted key that go before the templates' and give way to the user's."""
    spec_params: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    promotion: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    gpus: Mapping[str, Any] = field(default_factory=dict)
    """`key` of a training's GPUs, and `unless`: values of other keys with which it uses none."""

    @classmethod
    def read(cls, folder: Path) -> "SkillInfo":
        """Read a skill folder's skill_info.yaml; raises `UsageError` naming what is missing."""
        path = folder / "references" / "skill_info.yaml"
        info = read_yaml(path)
        try:
            objective = info.get("objective")
            shorthand = info.get("spec_shorthand_keys") or {}
            rest: dict[str, Any] = {name: info.get(name) for name in _KEYS}
            rest |= {name: info.get(name) or {} for name in _MAPPINGS}
            return cls(
                name=info["name"],
                automl_enabled=bool(info["automl_enabled"]),
                path=path,
                stated_objective=None if objective is None else Objective(**objective),
                stated_epochs_key=info.get("epochs_key", shorthand.get("num_epochs")),
                metrics=tuple(info.get("metrics") or ()),
                description=info.get("description", ""),
                usage=info.get("usage", ""),
                shorthand=shorthand,
                **rest,
            )
        except (KeyError, TypeError, AttributeError) as error:
            raise UsageError(f"{path}: is not a complete skill_info.yaml ({error})") from error

    @property
    def objective(self) -> Objective:
        """What a search optimises; raises `UsageError` where the skill does not say."""
        if self.stated_objective is None:
            raise UsageError(
                f"{self.path}: says nothing of what to optimise; add for example "
                "objective: {metric: val_miou, mode: max}"
            )
        return self.stated_objective

    @property
    def epochs_key(self) -> str:
        """The key that holds the epochs; raises `UsageError` where the skill does not say."""
        if self.stated_epochs_key is None:
            raise UsageError(f"{self.path}: names no key of the epochs; add epochs_key: KEY")
        return self.stated_epochs_key

    @property
    def data_key(self) -> str | None:
        """The first key that holds training data; None for a skill that needs none."""
        return next(iter(self.data_sources.get("train", {})), None)

    @property
    def cost_metrics(self) -> tuple[str, ...]:
        """What can be measured of a model before it is trained; all of it is to be small."""
        return tuple(self.costs.get("metrics", ()))

    def has_cost_of(self, key: str) -> bool:
        """Whether costs depend on a key: it is among the keys named, or begins with one."""
        return any(
            key == known or (known.endswith(".") and key.startswith(known))
            for known in self.costs.get("keys", ())
        )

    def gpus_of(self, flat: Mapping[str, Any]) -> int | None:
        """Return how many GPUs a training of a flat spec uses; None where the skill says not."""
        unless = self.gpus.get("unless", {})
        if not self.gpus or any(flat.get(key) == value for key, value in unless.items()):
            return None
        return int(flat[self.gpus["key"]])

    @property
    def is_promotable(self) -> bool:
        """Whether the skill can export a model and measure it again."""
        params = self.spec_params
        return (
            "create_onnx_file" in params.get("export", {}).values()
            and "parent_model" in params.get("evaluate", {}).values()
        )

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
    """Import an installed skill, or take the one in a folder; raises `UsageError`."""
    known = installed_skills()
    if name in known:
        return cast(Skill, known[name].load())
    folder = Path(name).expanduser()
    if os.sep in name or folder.is_dir():
        return _skill_in(folder.resolve(), known)
    raise UsageError(
        f"--skill: {name!r} is not installed{nearest(name, known)}; "
        f"installed: {', '.join(sorted(known)) or 'none'}; or give the path of a skill's folder"
    )


def lasting_name(name: str) -> str:
    """Return a skill's name that holds in any working folder: a path becomes absolute."""
    return name if name in installed_skills() else str(Path(name).expanduser().resolve())


def _skill_in(folder: Path, known: Mapping[str, EntryPoint]) -> Skill:
    """Return the skill of a folder: an installed one whose folder it is, else its commands."""
    from automl.skill.command import CommandSkill

    for point in known.values():
        skill = cast(Skill, point.load())
        if skill.folder.resolve() == folder:
            return skill
    return CommandSkill(folder)


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
