"""skill_info.yaml and the files that a skill's folder holds."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from automl.errors import UsageError
from automl.files import read_yaml
from automl.trial.objective import Objective

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
