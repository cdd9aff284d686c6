"""The resolved settings of one experiment: the content of settings.yaml."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from automl.errors import UsageError, not_allowed, not_one_of
from automl.experiment.checksums import changed, checksum, is_changed, sealed_text
from automl.experiment.paths import ExperimentPaths
from automl.experiment.records import record_faults
from automl.experiment.resources import Resources
from automl.files import check_format, parse_yaml, read_text, write_atomic, yaml_text
from automl.trial.budget import Budget
from automl.trial.objective import LAST_EPOCH, Objective
from automl.version import __version__

FORMAT = 2
"""The format of settings.yaml that this version writes and reads."""
WITHOUT_CHECKSUM = 1
"""An older format, which is read as well."""

TRACKERS = ("mlflow", "tensorboard", "wandb")
NO_TRACKER = "none"


def trackers_named(text: str) -> tuple[str, ...]:
    """Return the trackers that a list such as `mlflow,tensorboard` names, each once.

    Raises `UsageError` for one that there is not, and for `none` beside others.
    """
    names = tuple(dict.fromkeys(name.strip() for name in text.split(",")))
    if names == (NO_TRACKER,):
        return ()
    unknown = [name for name in names if name not in TRACKERS]
    if unknown and NO_TRACKER in names:
        raise UsageError(
            not_allowed("--tracker", text, f"{NO_TRACKER} alone, or a list without it")
        )
    if unknown:
        raise UsageError(
            *(not_one_of("--tracker", name, (*TRACKERS, NO_TRACKER)) for name in unknown)
        )
    return names


@dataclass(frozen=True)
class Settings:
    """Everything that a resume, a status or a rerun elsewhere needs to know."""

    skill: str
    policy: str
    objectives: tuple[Objective, ...]
    """The first ranks the trials and chooses what is promoted."""
    budget: Budget
    seed: int
    spec: Mapping[str, Any]
    """The base spec, nested: what trial 0 trains."""
    route: Mapping[str, Any] = field(default_factory=dict)
    """Whether the request was searched or trained directly, and why; see `Route`."""
    algorithm: str = "random"
    algorithm_options: Mapping[str, Any] = field(default_factory=dict)
    """The options of the algorithm that the user gave."""
    confirm_seeds: int = 0
    """How often the best are trained again, each time with a fresh seed."""
    stop_rule: str = "off"
    """Whether little expected improvement ends the search: on or off."""
    to: tuple[str, ...] = ("onnx",)
    """The models that the promotion makes."""
    refine: str = "off"
    """Whether the promotion refines the best checkpoint without training: on or off."""
    qat: int = 0
    """Epochs of quantization-aware fine-tuning of the int8 model."""
    min_objective: float | None = None
    """The objective that a champion needs; None: any."""
    fixed: tuple[str, ...] = ()
    """Keys that the user set, which are therefore not searched."""
    named_choices: Mapping[str, Mapping[str, Mapping[str, Any]]] = field(default_factory=dict)
    """By parameter whose values are names: the keys and values that each name sets."""
    weights: Mapping[str, str] = field(default_factory=dict)
    """What the skill says of the weights that the model starts from: source, licence and others."""
    resources: Resources = field(default_factory=Resources)
    tracker: str = "mlflow"
    """Names of trackers, joined by commas, or none."""
    hang_limit: str = "auto"
    """How long a training may report nothing: auto, off or a duration."""
    pace: Mapping[str, float] = field(default_factory=dict)
    """What was measured of a training before the launch: `start_s` and `epoch_s`, or nothing."""
    data: Mapping[str, Any] = field(default_factory=dict)
    """The summary that the data check returned."""
    command: tuple[str, ...] = ()
    versions: Mapping[str, str] = field(default_factory=dict)
    checksums: Mapping[str, str] = field(default_factory=dict)
    """Of the files beside settings.yaml that a search reads, by name; see `checksums`."""
    automl: str = __version__
    """The version of automl that made the experiment."""

    def __post_init__(self) -> None:
        trackers_named(self.tracker)

    @property
    def trackers(self) -> tuple[str, ...]:
        """The names of the experiment's trackers."""
        return trackers_named(self.tracker)

    @property
    def objective(self) -> Objective:
        """The first objective."""
        return self.objectives[0]

    @property
    def metrics(self) -> tuple[str, ...]:
        """The metrics that are optimised or limited, which a report must have.

        The number of the epoch is no metric that a training reports.
        """
        limits = [limit.metric for objective in self.objectives for limit in objective.constraints]
        names = dict.fromkeys([*(objective.metric for objective in self.objectives), *limits])
        return tuple(name for name in names if name != LAST_EPOCH.metric)

    def spec_values(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return the values of a suggestion by key of the spec: names become what they set."""
        named = [self.named_choices[key][values[key]] for key in self.named_choices
                 if key in values]  # fmt: skip
        plain = {key: value for key, value in values.items() if key not in self.named_choices}
        return {key: value for settings in (*named, plain) for key, value in settings.items()}

    def spec_keys(self, parameter: str) -> list[str]:
        """Return the keys of the spec that a parameter sets."""
        named = self.named_choices.get(parameter, {parameter: {parameter: None}})
        return list(dict.fromkeys(key for settings in named.values() for key in settings))

    @property
    def weights_text(self) -> str | None:
        """The weights that the model starts from in words, None if the skill chose none."""
        return weights_in_words(self.weights)

    def write(self, path: Path) -> None:
        """Write the settings as YAML, with the number of their format and a checksum."""
        write_atomic(path, sealed_text(yaml_text(self.to_dict())))

    @classmethod
    def read(cls, path: Path) -> "Settings":
        """Read a file that `write` wrote; raises `UsageError` naming all faults."""
        text = read_text(path, is_ours=True)
        is_other = is_changed(text)
        content = None if is_other else parse_yaml(text, path)
        is_sealed = isinstance(content, Mapping) and content.get("format") == FORMAT
        if is_other or (is_other is None and is_sealed):
            raise UsageError(changed(path))
        return cls.from_dict(content, source=str(path))

    def to_dict(self) -> dict[str, Any]:
        """Return the plain form; the inverse of `from_dict`."""
        return {
            "format": FORMAT,
            "automl": self.automl,
            **asdict(self),
            "objectives": [objective.to_dict() for objective in self.objectives],
            "to": list(self.to),
            "fixed": list(self.fixed),
            "command": list(self.command),
        }

    @classmethod
    def from_dict(cls, content: Any, *, source: str = "settings") -> "Settings":
        """Build settings; raises `UsageError` for another format, else naming all faulty keys."""
        if not isinstance(content, Mapping) or not content:
            raise UsageError(f"{source}: holds no settings, only {content!r}")
        number, writer = content.get("format"), content.get("automl")
        if number != WITHOUT_CHECKSUM:
            check_format(source, number, reads=FORMAT, writer=writer)
        plain = {key: value for key, value in content.items() if key != "format"}
        if faults := list(record_faults(cls, plain, source)):
            raise UsageError(*faults)
        try:
            return cls(
                **{
                    **plain,
                    "objectives": tuple(map(Objective.from_dict, plain["objectives"])),
                    "budget": Budget(**plain["budget"]),
                    "resources": Resources(**plain.get("resources", {})),
                    "to": tuple(plain.get("to", ("onnx",))),
                    "fixed": tuple(plain.get("fixed", ())),
                    "command": tuple(plain.get("command", ())),
                }
            )
        except UsageError as error:
            raise UsageError(*(f"{source}: {fault}" for fault in error.faults)) from error


def with_checksums(settings: Settings, paths: ExperimentPaths) -> Settings:
    """Return settings with the checksums of the files beside them as they are now."""
    beside = [path for path in paths.beside_settings() if path.exists()]
    return replace(settings, checksums={p.name: checksum(p.read_bytes()) for p in beside})


def weights_in_words(weights: Mapping[str, str]) -> str | None:
    """Return facts about initial weights as a text with their licence; None for no facts."""
    if not weights:
        return None
    licence = weights.get("licence")
    return weights["source"] + (f" ({licence})" if licence else "")
