"""Builds a run's request from its experiment file and the options that override it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from automl.errors import Fault, UsageError, check_all, disagreement
from automl.experiment.resources import Resources
from automl.experiment.settings import trackers_named
from automl.request.durations import AUTO, check_hang_limit, seconds
from automl.request.experiment_file import read_experiment_file
from automl.request.options import Options
from automl.request.parsing import parsed_targets
from automl.request.policy import SETTINGS, decided_policy
from automl.request.precedence import merged
from automl.request.rewording import FLAG, with_rewordings
from automl.request.search import SearchRequest, check_cost
from automl.request.space import SpaceRequest
from automl.request.tao import with_tao_settings
from automl.request.wishes import Wishes, read_wishes
from automl.search.algorithms import algorithm_named
from automl.search.options import PREFIX
from automl.skill.installed import load_skill, only_skill
from automl.trial.budget import Budget

# The field of each record by the name of its option.
_SEARCH = {
    "algorithm": "algorithm",
    "set": "algorithm_options",
    "trials": "trials",
    "epochs": "epochs",
    "objective": "objectives",
    "constraint": "constraints",
    "confirm_seeds": "confirm_seeds",
    "stop_rule": "stop_rule",
    "warm_start": "warm_start",
    "budget_epochs": "budget_epochs",
    "time": "time",
    "budget_cost": "budget_cost",
    "price_per_hour": "price_per_hour",
}
_SPACE = {"space": "overlay", "search": "searched", "fix": "fixed", "keep": "kept"}
_RESOURCES = (
    "runner",
    "concurrency",
    "cpus_per_trial",
    "gpus_per_trial",
    "memory_per_trial",
    "address",
)
_PLAIN = (
    "data",
    "strict_data",
    "weights",
    "seed",
    "tracker",
    "min_objective",
    "refine",
    "qat",
    "hang_limit",
)
_POLICY = ("policy", "request")


@dataclass(frozen=True)
class Request:
    """What a user asked for; None is an option that was not given."""

    skill: str
    data: str | None = None
    strict_data: bool = False
    """Whether images that show the same as others are refused."""
    search: SearchRequest = field(default_factory=SearchRequest)
    space: SpaceRequest = field(default_factory=SpaceRequest)
    out: Path | None = None
    policy: str = "auto"
    """auto or off."""
    policy_note: str | None = None
    """How the request in words was understood about AutoML; None if there is nothing to say."""
    wishes: Wishes = Wishes()
    """What else was read from the request in words."""
    weights: str | None = None
    """What the model starts from: auto, none, a name or a file; None: auto if the skill knows."""
    may_download: bool = False
    """Whether weights may be fetched."""
    to: tuple[str, ...] = ("onnx",)
    """The models that the promotion makes."""
    refine: str = "off"
    """Whether the promotion refines the best checkpoint: on or off."""
    qat: int = 0
    """Epochs of quantization-aware fine-tuning of the int8 model."""
    min_objective: float | None = None
    """The objective that a champion needs; None: any."""
    seed: int = 0
    overrides: Mapping[str, Any] = field(default_factory=dict)
    """Values of the spec by dotted key."""
    resources: Resources = field(default_factory=Resources)
    tracker: str = "mlflow"
    hang_limit: str = AUTO
    """How long a training may report nothing: auto, off or a duration such as 10m."""
    command: tuple[str, ...] = ()
    """The command as it was typed, for the record."""


def request_from_options(
    run: Options, *, file: Path | None = None, command: tuple[str, ...] = ()
) -> Request:
    """Return the request; the options of the run override the experiment file.

    Args:
        run: The options of flags or keywords.
        file: The experiment file.
        command: The command as it was typed, for the record.

    Raises `UsageError` for a file that is not understood and for options that disagree.
    """
    filed = {} if file is None else read_experiment_file(file)
    skill = run.get("skill") or filed.get("skill") or only_skill()
    run, filed = (with_tao_settings(each, load_skill(skill).spec_keys) for each in (run, filed))
    decision = decided_policy(run, filed)
    info = load_skill(skill).info
    words = run.get("request") or filed.get("request") or ""
    wishes = read_wishes(words, info)
    model = run.get("request_model", filed.get("request_model"))
    if model is not None:
        if not words:
            raise UsageError(Fault(f"{FLAG}: has no effect without --request", key=FLAG))
        wishes = with_rewordings(wishes, model, info)
    run, filed = _with_wishes(run, wishes), _with_wishes(filed, wishes)
    options = merged(_without_policy(filed), run, info)
    if isinstance(options.get("data"), Mapping):
        options = {**options, "data": str(load_skill(skill).data_folder(options["data"]))}
    spec = dict(options.get("spec", {}))
    for name in SETTINGS:
        spec.pop(name, None)
    # TAO's settings may stand among those of the spec.
    tao = {key: spec.pop(key) for key in list(spec) if key.startswith(PREFIX)}
    united = {**options, "set": _united(options.get("set", {}), tao)}
    search = _renamed(united, _SEARCH)
    resources = {name: options[name] for name in _RESOURCES if name in options}
    check_all(
        lambda: SearchRequest(**search),
        # Two of them, because a time that cannot be read makes no budget to check.
        lambda: Budget(search.get("trials", 1), 1, search.get("budget_epochs")),
        lambda: seconds(search.get("time", "1s")),
        lambda: check_cost(search.get("budget_cost"), search.get("price_per_hour")),
        lambda: algorithm_named(search.get("algorithm")),
        lambda: Resources(**resources),
        lambda: trackers_named(options.get("tracker", Request.tracker)),
        lambda: check_hang_limit(options.get("hang_limit", Request.hang_limit)),
    )
    return Request(
        skill=skill,
        search=SearchRequest(**search),
        space=space_request_from_options(options),
        resources=Resources(**resources),
        out=Path(options["out"]).expanduser() if "out" in options else None,
        may_download=options.get("download", False),
        to=parsed_targets(",".join(options.get("to", ("onnx",)))),
        policy=decision.policy,
        policy_note=decision.note,
        wishes=wishes,
        overrides=spec,
        command=command,
        **{name: options[name] for name in _PLAIN if name in options},
    )


def _with_wishes(options: Options, wishes: Wishes) -> Options:
    """Return the options of a source with those of its request; raises if they disagree."""
    if not options.get("request"):
        return options
    united = dict(options)
    faults = []
    for name, value in wishes.options.items():
        if isinstance(value, tuple):
            united[name] = tuple(dict.fromkeys((*options.get(name, ()), *value)))
        elif options.get(name, value) != value:
            flag = f"--{name.replace('_', '-')}"
            faults.append(disagreement(f"{flag} {options[name]}", f"--request ({flag} {value})"))
        else:
            united[name] = value
    if faults:
        raise UsageError(*faults)
    return united


def space_request_from_options(options: Options) -> SpaceRequest:
    """Return the options of the search space."""
    return SpaceRequest(**_renamed(options, _SPACE))


def _without_policy(filed: Options) -> Options:
    """Return the options of a file without its policy, which has been decided."""
    spec = {key: value for key, value in filed.get("spec", {}).items() if key not in SETTINGS}
    rest = {name: value for name, value in filed.items() if name not in _POLICY}
    return {**rest, "spec": spec} if spec else {k: v for k, v in rest.items() if k != "spec"}


def _united(flags: Mapping[str, Any], settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the algorithm's options of both; raises `UsageError` if they disagree."""
    if faults := [
        disagreement(f"--set {name}={flags[name]}", f"{name}={value}")
        for name, value in settings.items()
        if flags.get(name, value) != value
    ]:
        raise UsageError(*faults)
    return {**flags, **settings}


def _renamed(options: Options, names: Mapping[str, str]) -> dict[str, Any]:
    return {field: options[name] for name, field in names.items() if name in options}
