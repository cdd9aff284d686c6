"""skill_info.yaml and the files that a skill's folder holds."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from automl.errors import UsageError
from automl.files import read_yaml
from automl.trial.objective import LAST_EPOCH, Objective

_MAPPINGS = (
    "costs",
    "actions",
    "data_sources",
    "checkpoints",
    "key_defaults",
    "spec_params",
    "promotion",
    "gpus",
    "quality",
    "refinements",
    "packages",
)

_USUAL_CHECKPOINTS = {"last": "*_latest.pth"}
"""TAO's programs leave a link of this name to their newest checkpoint."""

_DEPTHS = {"actions": 2, "data_sources": 3, "promotion": 2}
"""How deep mappings have to hold mappings; others hold values."""
_KEYS = (
    "images_key",
    "probabilities_key",
    "seed_key",
    "batch_size_key",
    "accumulation_key",
    "shortened_key",
    "report_interval_key",
)


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
    probabilities_key: str | None = None
    """The switch of inference that also writes probabilities."""
    seed_key: str | None = None
    report_interval_key: str | None = None
    """The key of the number of epochs between two reports of a training."""
    batch_size_key: str | None = None
    accumulation_key: str | None = None
    """The key of the number of batches that make one step."""
    shortened_key: str | None = None
    """The key of a list that says after which epoch, and from how many epochs, a training was
    shortened: `{after: 3, epochs: 7}`."""
    metrics: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """By name the `mode` (max or min) and `unit` of each metric that a training reports; empty if
    the skill does not say. A plain list names metrics without a direction."""
    costs: Mapping[str, Any] = field(default_factory=dict)
    """`metrics` that are measured before a training, and the `keys` that they depend on."""
    description: str = ""
    usage: str = ""
    """Lines of Python that load a promoted model and use it."""
    actions: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """By action: its command, config_format, inputs, and how it reports (reports)."""
    data_sources: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """By action: the keys that hold data, each with its source, e.g. train_datasets."""
    checkpoints: Mapping[str, str] = field(default_factory=dict)
    """`last` and `best`: paths or patterns, relative to the folder of a training."""
    shorthand: Mapping[str, str] = field(default_factory=dict)
    key_defaults: Mapping[str, Any] = field(default_factory=dict)
    """Values by dotted key that override the templates' and are overridden by the user's."""
    spec_params: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """By action: keys, each with the name of the function that fills it, e.g. parent_model."""
    constants: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """By action: values by key that all its specs have unless the user sets others."""
    promotion: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    quality: Mapping[str, Any] = field(default_factory=dict)
    """How a promotion sees that a model learned little: `class_scores`, the beginning of the names
    of its classes' scores, and `constant`, by objective the metric of a constant prediction."""
    refinements: Mapping[str, str] = field(default_factory=dict)
    """What a skill can make of checkpoints without training, in this order: by kind, whether it
    takes `several` of them or `one`."""
    default_space: str | None = None
    """The overlay that a search takes if none is named; None: what the schema marks for AutoML."""
    transfer: str | None = None
    """The file beside skill_info.yaml with trials on other data sets; see docs/search.md."""
    packages: Mapping[str, str] = field(default_factory=dict)
    """What a skill can make of promoted models for programs of others: by name, what it is."""
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
            epochs_key = info.get("epochs_key", shorthand.get("num_epochs"))
            _check_shapes(path, {**rest, "epochs_key": epochs_key})
            rest["spec_params"], rest["constants"] = _functions_and_constants(rest["spec_params"])
            rest["checkpoints"] = info.get("checkpoints") or _USUAL_CHECKPOINTS
            return cls(
                name=info.get("name") or info.get("network_arch") or folder.name,
                automl_enabled=bool(info["automl_enabled"]),
                path=path,
                stated_objective=None if objective is None else Objective(**objective),
                stated_epochs_key=epochs_key or _usual_epochs_key(folder),
                metrics=_metrics(info.get("metrics") or {}),
                description=info.get("description", ""),
                usage=info.get("usage", ""),
                shorthand=shorthand,
                default_space=_name(path, "default_space", info.get("default_space")),
                transfer=_name(path, "transfer", info.get("transfer")),
                **rest,
            )
        except (KeyError, TypeError, AttributeError) as error:
            raise UsageError(f"{path}: is not a complete skill_info.yaml ({error})") from error

    @property
    def objective(self) -> Objective:
        """The objective of a search; raises `UsageError` if the skill states none."""
        if self.stated_objective is None:
            raise UsageError(
                f"{self.path}: states no objective; give --objective METRIC:max or METRIC:min with "
                "a metric that the training reports, or add for example "
                "objective: {metric: val_miou, mode: max}"
            )
        return self.stated_objective

    @property
    def training_objective(self) -> Objective:
        """The objective of a single training, for which the last epoch will do."""
        return self.stated_objective or LAST_EPOCH

    @property
    def epochs_key(self) -> str:
        """The key of the number of epochs; raises `UsageError` if the skill names none."""
        if self.stated_epochs_key is None:
            raise UsageError(f"{self.path}: names no key of the epochs; add epochs_key: KEY")
        return self.stated_epochs_key

    @property
    def data_key(self) -> str | None:
        """The first key that holds training data; None for a skill that needs none."""
        return next(iter(self.data_sources.get("train", {})), None)

    @property
    def needs_data(self) -> bool:
        """Whether a training cannot do without a value of `data_key`."""
        facts = self.data_sources.get("train", {}).get(self.data_key or "", {})
        return self.data_key is not None and not facts.get("optional")

    def takes_places(self, key: str, *, action: str = "train") -> bool:
        """Whether a key of data takes a list of places."""
        return bool(self.data_sources.get(action, {}).get(key, {}).get("list"))

    def requires(self, action: str, key: str) -> bool:
        """Whether an action cannot run without a value of a key: it is one of its inputs.

        Of an action that lists no inputs, all keys are.
        """
        inputs, data = self.actions.get(action, {}).get("inputs"), self.data_sources.get(action, {})
        facts = {**data.get(key, {}), **((inputs or {}).get(key) or {})}
        return not inputs or (key in {*inputs, *data} and not facts.get("optional"))

    @property
    def cost_metrics(self) -> tuple[str, ...]:
        """Metrics of a model that can be measured before its training; small is good."""
        return tuple(self.costs.get("metrics", ()))

    def has_cost_of(self, key: str) -> bool:
        """Whether costs depend on a key: it, or a section that ends in a dot, is listed."""
        return any(
            key == listed or (listed.endswith(".") and key.startswith(listed))
            for listed in self.costs.get("keys", ())
        )

    def gpus_of(self, flat: Mapping[str, Any]) -> int | None:
        """Return how many GPUs a training of a flat spec uses; None if the skill does not say."""
        unless = self.gpus.get("unless", {})
        if not self.gpus or any(flat.get(key) == value for key, value in unless.items()):
            return None
        return int(flat[self.gpus["key"]])

    def checkpoint_in(self, folder: Path, name: str, *, action: str = "train") -> Path | None:
        """Return a checkpoint in the folder of a training, or in the action's folder in it.

        `checkpoints` may hold a pattern; the newest file that matches is meant.
        """
        pattern = self.checkpoints.get(name)
        if pattern is None:
            return None
        files = [*folder.glob(pattern), *folder.glob(f"{action}/{pattern}")]
        return max(files, key=lambda file: file.stat().st_mtime, default=None)

    @property
    def is_promotable(self) -> bool:
        """Whether the skill keeps its best checkpoint, and can export and measure it."""
        params = self.spec_params
        return (
            "best" in self.checkpoints
            and "create_onnx_file" in params.get("export", {}).values()
            and "parent_model" in params.get("evaluate", {}).values()
        )

    def key_of(self, action: str, function: str) -> str:
        """Return the key of `action` that an inference function fills, e.g. parent_model."""
        for key, name in self.spec_params.get(action, {}).items():
            if name == function:
                return key
        raise UsageError(f"{self.name}: spec_params of {action} map no key to {function}")


def _check_shapes(path: Path, facts: Mapping[str, Any]) -> None:
    """Raise `UsageError` naming the facts that are no mappings, or hold values instead of some."""
    faults = [
        f"{path}: {name}: {content!r:.80} is not allowed: must be a mapping"
        for name in _MAPPINGS
        for content in _levels(facts[name], _DEPTHS.get(name, 1))
        if not isinstance(content, Mapping)
    ]
    faults += [
        f"{path}: {name}: {facts[name]!r:.80} is not allowed: must be a key"
        for name in (*_KEYS, "epochs_key")
        if not isinstance(facts[name], str | None)
    ]
    if faults:
        raise UsageError(*faults)


def _name(path: Path, fact: str, value: Any) -> str | None:
    """Return a name or None; raises `UsageError` for another value."""
    if not isinstance(value, str | None):
        raise UsageError(f"{path}: {fact}: {value!r:.80} is not allowed: must be a name")
    return value


def _levels(content: Any, depth: int) -> Iterator[Any]:
    """Yield a content, its entries and theirs, down to a depth."""
    yield content
    if depth > 1 and isinstance(content, Mapping):
        for entry in content.values():
            yield from _levels(entry, depth - 1)


def _functions_and_constants(
    params: Mapping[str, Mapping[str, Any]],
) -> tuple[dict[str, dict[str, str]], dict[str, dict[str, str]]]:
    """Divide ``spec_params`` into names of functions, in lower case, and texts that are values.

    Mappings are left out: they name weights that TAO's service downloads.
    """
    functions: dict[str, dict[str, str]] = {}
    constants: dict[str, dict[str, str]] = {}
    for action, entries in params.items():
        texts = {key: value for key, value in (entries or {}).items() if isinstance(value, str)}
        functions[action] = {key: text for key, text in texts.items() if text == text.lower()}
        constants[action] = {key: text for key, text in texts.items() if text != text.lower()}
    return functions, constants


def _usual_epochs_key(folder: Path) -> str | None:
    """Return the key that nearly all of TAO's schemas have, if this folder's has it too."""
    section, name = "train", "num_epochs"
    try:
        document = json.loads(schema_path(folder, "train").read_text(encoding="utf-8"))
        is_usual = name in document["properties"][section]["properties"]
    except (OSError, ValueError, KeyError, TypeError):
        # A schema that cannot be read is reported by those who need it.
        return None
    return f"{section}.{name}" if is_usual else None


def _metrics(plain: Any) -> dict[str, dict[str, Any]]:
    """Return the table of metrics, of which some skills only list the names."""
    names = plain if isinstance(plain, Mapping) else dict.fromkeys(plain, {})
    return {str(name): dict(facts or {}) for name, facts in names.items()}


def schema_path(folder: Path, action: str) -> Path:
    """Return where a skill folder keeps the schema of an action."""
    return folder / "schemas" / f"{action}.schema.json"


def template_path(folder: Path, action: str) -> Path:
    """Return where a skill folder keeps the spec template of an action."""
    return folder / "references" / f"spec_template_{action}.yaml"
