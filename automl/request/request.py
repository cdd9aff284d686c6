"""Makes the request of a run from what its experiment file says and what is said nearer to it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from automl.experiment.resources import Resources
from automl.request.experiment_file import read_experiment_file
from automl.request.options import Options
from automl.request.policy import choose_policy
from automl.request.precedence import merged
from automl.request.search import SearchRequest
from automl.request.space import SpaceRequest
from automl.skill.installed import load_skill, only_skill

_SEARCH = {
    "algorithm": "algorithm",
    "set": "settings",
    "trials": "trials",
    "epochs": "epochs",
    "objective": "objectives",
    "constraint": "constraints",
    "confirm_seeds": "confirm_seeds",
    "stop_rule": "stop_rule",
    "warm_start": "warm_start",
    "budget_epochs": "budget_epochs",
    "time": "time",
}
_SPACE = {"space": "overlay", "search": "searched", "fix": "fixed"}
_RESOURCES = (
    "runner",
    "concurrency",
    "cpus_per_trial",
    "gpus_per_trial",
    "memory_per_trial",
    "address",
)
_PLAIN = ("data", "policy", "seed", "tracker")


@dataclass(frozen=True)
class Request:
    """What a user asked for; None where nothing was said."""

    skill: str
    data: str | None = None
    search: SearchRequest = field(default_factory=SearchRequest)
    space: SpaceRequest = field(default_factory=SpaceRequest)
    out: Path | None = None
    policy: str | None = None
    """What --policy says, for this run."""
    text: str | None = None
    """The request in words; it may say to leave AutoML off."""
    file_policy: str | bool | None = None
    """automl_policy of the experiment file."""
    seed: int = 0
    overrides: Mapping[str, Any] = field(default_factory=dict)
    resources: Resources = field(default_factory=Resources)
    tracker: str = "mlflow"
    command: tuple[str, ...] = ()
    """What was typed, for the record."""


def request_from_options(
    said: Options, *, file: Path | None = None, command: tuple[str, ...] = ()
) -> Request:
    """Return the request; what is `said` wins over the experiment file.

    Args:
        said: By flags or keywords.
        file: The experiment file.
        command: What was typed, for the record.

    Raises `UsageError` for a file that is not understood and for what disagrees.
    """
    filed = {} if file is None else dict(read_experiment_file(file))
    skill = said.get("skill") or filed.get("skill") or only_skill()
    info = load_skill(skill).info
    # The policy of the file is kept apart: what is said for this run wins over it.
    file_policy = _policy(filed)
    filed = {name: value for name, value in filed.items() if name not in ("policy", "request")}
    whole = merged(filed, said, info)
    return Request(
        skill=skill,
        search=SearchRequest(**_renamed(whole, _SEARCH)),
        space=space_request_from_options(whole),
        resources=Resources(**{name: whole[name] for name in _RESOURCES if name in whole}),
        out=Path(whole["out"]) if "out" in whole else None,
        text=whole.get("request"),
        file_policy=file_policy,
        overrides=whole.get("spec", {}),
        command=command,
        **{name: whole[name] for name in _PLAIN if name in whole},
    )


def space_request_from_options(said: Options) -> SpaceRequest:
    """Return what is said of the search space."""
    return SpaceRequest(**_renamed(said, _SPACE))


def _policy(filed: dict[str, Any]) -> str | None:
    """Take the policy out of what a file says; None where it says nothing of it."""
    spec = dict(filed.get("spec", {}))
    setting = spec.pop("automl_policy", None)
    filed |= {"spec": spec} if "spec" in filed else {}
    flag, text = filed.get("policy"), filed.get("request")
    is_said = any(one is not None for one in (flag, setting, text))
    return choose_policy(flag=flag, setting=setting, text=text) if is_said else None


def _renamed(said: Options, names: Mapping[str, str]) -> dict[str, Any]:
    return {field: said[name] for name, field in names.items() if name in said}
