"""Turns a request into settings and a new experiment's folder."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from automl.errors import UsageError
from automl.experiment.environment import versions
from automl.experiment.paths import ExperimentPaths
from automl.experiment.resources import Resources
from automl.experiment.settings import Settings
from automl.experiment.warm_start import earlier_trials, write_past
from automl.files import write_json, write_yaml
from automl.redact import check_kept_out, redacted
from automl.request.policy import choose_policy
from automl.request.request import Request
from automl.request.search import SearchRequest
from automl.request.space import SpaceChoice, SpaceRequest
from automl.runners.cluster import check_answers
from automl.schema.schema import Schema
from automl.schema.spec import flatten
from automl.skill.base import Skill
from automl.skill.failures import faults_of_the_user
from automl.skill.info import SkillInfo, schema_path
from automl.skill.installed import lasting_name, load_skill
from automl.skill.route import Route, route
from automl.space.space import SearchSpace
from automl.trial.budget import Budget
from automl.trial.trial import PastTrial


@dataclass(frozen=True)
class Plan:
    """A checked request: nothing is on disk yet."""

    paths: ExperimentPaths
    settings: Settings
    schema: Schema | None
    """None where the skill has none that can be read; it then trains plainly."""
    space: SearchSpace
    route: Route
    past: Sequence[PastTrial] = ()
    """Trials of earlier experiments that the search learns from."""

    def write(self) -> None:
        """Create the experiment's folder with settings, schema and space."""
        if self.schema is not None:
            write_json(self.paths.schema, self.schema.document)
        write_yaml(self.paths.space, self.space.to_dict())
        if self.past:
            write_past(self.paths, self.past)
        write_yaml(self.paths.settings, self.settings.to_dict())

    def announcement(self) -> str:
        """Say what is about to run."""
        root, budget = self.paths.root, self.settings.budget
        if not self.route.is_search:
            return f"{self.route.reason}: {budget.epochs} epochs in {root}"
        return (
            f"searching {len(self.space.parameters)} parameters by {self.settings.algorithm}: "
            f"{budget} in {root}"
            + (f"; {len(self.past)} earlier trials are known" if self.past else "")
        )


def plan_from_request(
    request: Request, *, progress: Callable[[int, int], None] | None = None
) -> Plan:
    """Check a request, its data included; raises `UsageError` naming all faults found."""
    skill = load_skill(request.skill)
    info = skill.info
    given = dict(request.overrides)
    policy = choose_policy(
        flag=request.policy,
        setting=given.pop("automl_policy", None),
        text=request.text,
        file=request.file_policy,
    )
    way = route("train", skill, info, policy)
    # TAO's settings may stand among those of the spec.
    named = {key: given.pop(key) for key in list(given) if key.startswith("automl_")}
    search = request.search.with_settings(named).resolved()
    choice = _choice(way, request.space, given, info, skill)
    request = replace(request, overrides=choice.overrides, search=search)
    overrides = _overrides(request, info)
    paths = ExperimentPaths(request.out or _default_out(info.name))
    _check_is_new(paths)
    # A plain training is what the skill does by itself: in this process, on all its threads.
    resources = request.resources.on("ray" if way.is_search else "local", search.concurrency)
    _check_installed(resources, request.tracker)
    check_answers(resources.address)
    schema = _schema(way, skill)
    if schema is not None:
        schema.check_keys(overrides)
    with faults_of_the_user():
        spec = skill.resolve("train", {**_key_defaults(info, schema), **overrides})
    check_kept_out(overrides, flatten(spec))
    resources = resources.for_trials_of(info.gpus_of(flatten(spec)), key=info.gpus.get("key", ""))
    # The flags of a request set keys too.
    choice = replace(choice, fixed=frozenset(overrides) - choice.searched)
    space = _space(way, schema, spec, choice)
    if info.gpus.get("key") in space.parameters:
        raise UsageError(f"{info.gpus['key']}: cannot be searched: all trials have as many GPUs")
    budget = _budget(search, way, int(flatten(spec)[info.epochs_key]))
    with faults_of_the_user():
        data = skill.check(spec, progress=progress)
    objectives = search.resolved_objectives(info) if way.is_search else (info.objective,)
    settings = Settings(
        skill=lasting_name(request.skill),
        policy="auto" if way.is_search else "off",
        route=way.to_dict(),
        objective=objectives[0],
        more_objectives=objectives[1:],
        confirm_seeds=search.confirm_seeds if way.is_search else 0,
        stop_rule=search.stop_rule if way.is_search else "off",
        budget=budget,
        algorithm=search.algorithm or "random" if way.is_search else "random",
        options=dict(search.settings) if way.is_search else {},
        seed=request.seed,
        spec=spec,
        fixed=tuple(sorted(choice.fixed)),
        resources=resources,
        tracker=request.tracker,
        data=dict(data),
        command=_shown(request.command, schema),
        versions=versions(),
    )
    past = _past(search, paths, settings, schema, space) if way.is_search else []
    return Plan(paths, settings, schema, space, way, past)


def _shown(command: Sequence[str], schema: Schema | None) -> tuple[str, ...]:
    """Return what was typed, less the values of secret keys and credentials in addresses."""
    words = []
    for word in command:
        key, equals, _ = word.partition("=")
        is_secret = equals and schema is not None and schema.is_secret(key)
        words.append(f"{key}=..." if is_secret else redacted(word))
    return tuple(words)


def _choice(
    way: Route, flags: SpaceRequest, given: Mapping[str, Any], info: SkillInfo, skill: Skill
) -> SpaceChoice:
    if not way.is_search and flags.used():
        raise UsageError(f"{' and '.join(flags.used())} have no use here: {way.reason}")
    named = {info.shorthand.get(key, key): value for key, value in given.items()}
    return flags.chosen(named, skill=info.name, folder=skill.folder, shorthand=info.shorthand)


def _overrides(request: Request, info: SkillInfo) -> dict[str, Any]:
    overrides = {info.shorthand.get(k, k): v for k, v in request.overrides.items()}
    driven = {
        key: name
        for key, name in info.spec_params.get("train", {}).items()
        if name in ("output_dir", "resume_model")
    }
    faults = [
        f"{key}: cannot be set here, every trial has its own; use --out for the experiment's folder"
        for key in overrides
        if key in driven
    ]
    for flag, key, value in (
        ("--data", info.data_key, request.data),
        ("--epochs", info.epochs_key, request.search.epochs),
    ):
        if value is None:
            continue
        if key is None:
            faults.append(f"{flag}: {info.name} takes no data (no data_sources in {info.path})")
        elif overrides.get(key, value) != value:
            faults.append(f"{flag} {value} and {key}={overrides[key]} disagree; give one of them")
        else:
            overrides[key] = value
    data_key = info.data_key
    if data_key is not None and data_key not in overrides and request.data is None:
        faults.append(f"--data is missing: the folder of the data set (or {data_key}=DIR)")
    if faults:
        raise UsageError(*faults)
    if data_key is not None:
        overrides[data_key] = _absolute(str(overrides[data_key]))
    return overrides


def _key_defaults(info: SkillInfo, schema: Schema | None) -> dict[str, Any]:
    """Return the skill's own defaults of those keys that a training has."""
    return {k: v for k, v in info.key_defaults.items() if schema is None or k in schema.fields}


def _check_installed(resources: Resources, tracker: str) -> None:
    """Raise `UsageError` naming the extras to install, before anything is done."""
    wanted = {"search": "optuna", "ray": "ray", "mlflow": "mlflow"}
    used = {"search", resources.runner, tracker}
    faults = [
        f"{library} is not installed; install it with: pip install -e '.[{extra}]'"
        for extra, library in wanted.items()
        if extra in used and find_spec(library) is None
    ]
    if faults:
        raise UsageError(*faults)


def _schema(way: Route, skill: Skill) -> Schema | None:
    try:
        return Schema.read(schema_path(skill.folder, "train"))
    except UsageError:
        if way.is_search:
            raise
        return None


def _absolute(location: str) -> str:
    return location if "://" in location else str(Path(location).expanduser().resolve())


def _default_out(skill: str) -> Path:
    return Path("runs") / f"{skill}-{datetime.now():%Y%m%d-%H%M%S}"


def _check_is_new(paths: ExperimentPaths) -> None:
    root = paths.root
    if paths.exists():
        raise UsageError(
            f"--out: {root} already holds an experiment; go on with it: automl resume {root}, "
            "or give another folder"
        )
    if root.is_file() or (root.is_dir() and any(root.iterdir())):
        raise UsageError(f"--out: {root} is not empty; give a new folder")


def _space(
    way: Route, schema: Schema | None, spec: Mapping[str, Any], choice: SpaceChoice
) -> SearchSpace:
    if not way.is_search or schema is None:
        return SearchSpace({}, flatten(spec))
    space = choice.space(schema, spec)
    if not space.parameters:
        raise UsageError(
            "nothing is left to search: every parameter was set; use --policy off for a plain "
            "training"
        )
    return space


def _past(
    search: SearchRequest,
    paths: ExperimentPaths,
    settings: Settings,
    schema: Schema | None,
    space: SearchSpace,
) -> list[PastTrial]:
    if search.warm_start is None or schema is None:
        return []
    return earlier_trials(search.warm_start, paths.root, settings, schema, space)


def _budget(search: SearchRequest, way: Route, epochs: int) -> Budget:
    if way.is_search:
        return search.budget(epochs)
    limits = {
        "--budget-epochs": search.budget_epochs,
        "--time": search.time,
        "--confirm-seeds": search.confirm_seeds or None,
        "--warm-start": search.warm_start,
        "--objective": ", ".join(search.objectives) or None,
        "--constraint": ", ".join(search.constraints) or None,
        "--trials": None if search.trials == 1 else search.trials,
    }
    faults = [
        f"{flag}: {value} has no use here: {way.reason}"
        for flag, value in limits.items()
        if value is not None
    ]
    if faults:
        raise UsageError(*faults)
    return Budget(1, epochs)
