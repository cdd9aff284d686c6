"""Checks a request and resolves it into the settings and space of a new experiment."""

import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from automl.errors import UsageError
from automl.experiment.environment import versions
from automl.experiment.paths import ExperimentPaths
from automl.experiment.settings import Settings, trackers_named, with_checksums
from automl.experiment.transfer import write_transfer
from automl.experiment.warm_start import WarmStart, earlier_trials, write_past
from automl.files import write_json, write_yaml
from automl.formats import counted, duration
from automl.plan.checks import (
    check_installed,
    check_is_new,
    check_no_leaks,
    check_promotion,
    check_signed_in,
    fitted_to_plain_training,
    make_folder,
)
from automl.plan.epochs import epochs_of_time
from automl.plan.estimate import estimate
from automl.plan.overrides import faults_by_flag, overrides_of
from automl.plan.room import check_room
from automl.plan.transfer import transfer_trials
from automl.plan.weights import with_named_weights, with_weights
from automl.redact import check_kept_out, redacted
from automl.request.request import Request
from automl.request.search import SearchRequest
from automl.request.space_choice import SpaceChoice
from automl.runners.cluster import check_answers
from automl.schema.schema import Schema
from automl.schema.spec import flatten, value_at, with_values
from automl.skill.failures import faults_of_the_user
from automl.skill.info import SkillInfo, schema_path
from automl.skill.installed import lasting_name, load_skill
from automl.skill.loaded import LoadedSkill
from automl.skill.route import Route, route
from automl.space.space import SearchSpace
from automl.trial.budget import Budget
from automl.trial.trial import TransferTrial


@dataclass(frozen=True)
class Plan:
    """A checked request: nothing is on disk yet."""

    paths: ExperimentPaths
    settings: Settings
    schema: Schema | None
    """None if the skill has none that can be read; it then trains plainly."""
    space: SearchSpace
    route: Route
    warm_start: WarmStart = field(default_factory=WarmStart)
    """Trials of earlier experiments that the search learns from."""
    transfer: tuple[TransferTrial, ...] = ()
    """Trials on other data sets that it learns from."""
    notes: Sequence[str] = ()
    """Lines that the user must read before the run."""

    def write(self) -> None:
        """Create the experiment's folder with settings, schema, space and pictures of the data.

        Raises `UsageError` if it cannot be created.
        """
        make_folder(self.paths.root)
        if self.schema is not None:
            write_json(self.paths.schema, self.schema.document)
        write_yaml(self.paths.space, self.space.to_dict())
        if self.warm_start.trials:
            write_past(self.paths, self.warm_start.trials)
        if self.transfer:
            write_transfer(self.paths, self.transfer)
        self._draw_data()
        # The last file: an experiment without it has not begun.
        with_checksums(self.settings, self.paths).write(self.paths.settings)

    def _draw_data(self) -> None:
        part = self.paths.unfinished_data
        if part.exists():  # Of a run that was killed, maybe on other data.
            shutil.rmtree(part)
        load_skill(self.settings.skill).report_data(dict(self.settings.spec), part)
        if part.exists():
            part.rename(self.paths.data)

    def announcement(self) -> str:
        """Return one line that describes the run."""
        root, budget = self.paths.root, self.settings.budget
        earlier, unreadable = self.warm_start.trials, self.warm_start.unreadable
        if not self.route.is_search:
            return f"{self.route.reason}: {counted(budget.epochs, 'epoch')} in {root}"
        return (
            f"searching {len(self.space.parameters)} parameters by {self.settings.algorithm}: "
            f"{budget} in {root}{self._end()}"
            + (f"; learning from {len(earlier)} earlier trials" if earlier else "")
            + (f"; learning from {self._transferred()}" if self.transfer else "")
            + "".join(f"; skipped for the warm start: {fault}" for fault in unreadable)
        )

    def _transferred(self) -> str:
        data_sets = len(self.transfer[0].losses)
        return f"{len(self.transfer)} configurations on {data_sets} other data sets"

    def _end(self) -> str:
        """Return when a time limit ends the search, and what comes after it."""
        time_s = self.settings.budget.time_s
        if time_s is None:
            return ""
        end = time.strftime("%H:%M", time.localtime(time.time() + time_s))
        text = f"; the search ends by {end}"
        info = load_skill(self.settings.skill).info
        if not info.is_promotable:
            return text
        rest = estimate(self.settings, info, self.paths.root).seconds_after
        return f"{text}, then the promotion" + ("" if rest is None else f", about {duration(rest)}")


def plan_from_request(
    request: Request,
    *,
    progress: Callable[[int, int], None] | None = None,
    say: Callable[[str], None] = lambda _text: None,
) -> Plan:
    """Check a request, its data included; `say` gets a line before what takes long.

    Raises `UsageError` naming all faults of the first check that finds any: later checks need what
    earlier ones accept.
    """
    skill = load_skill(request.skill)
    info = skill.info
    check_promotion(request, info)
    request = replace(request, overrides=skill.read_values("train", request.overrides))
    way = route("train", skill, info, request.policy)
    request = replace(request, search=request.search.resolved())
    notes: list[str] = []
    if not way.is_search:
        request, notes = fitted_to_plain_training(request, way)
    search = request.search
    request = with_named_weights(request, skill)
    choice = _choice(request, skill, way)
    choice, weights, said = with_weights(
        request, skill, choice,
        beside=lambda own: _choice(
            replace(request, overrides={**request.overrides, **own}), skill, way
        ),
    )  # fmt: skip
    notes = [*said, *notes, *choice.notes]
    overrides = overrides_of(replace(request, overrides=choice.overrides), info)
    paths = ExperimentPaths(request.out or _default_out(info.name))
    check_is_new(paths)
    # A plain training runs in this process, on all its threads, as the skill does by itself.
    resources = request.resources.on("ray" if way.is_search else "local", search.concurrency)
    trackers = trackers_named(request.tracker)
    check_installed("search" if way.is_search else None, resources.runner, *trackers)
    check_signed_in(trackers)
    check_answers(resources.address)
    schema = _schema(way, skill)
    with faults_by_flag(request, info):
        spec = _spec(skill, schema, overrides)
        if choice.named:
            choice = choice.filled(flatten(spec))
            spec = _spec_of_first(skill, schema, overrides, choice)
    resources = resources.for_trials_of(info.gpus_of(flatten(spec)), key=info.gpus.get("key", ""))
    # --data and --epochs set keys of the spec too.
    choice = replace(choice, fixed=frozenset(overrides) - choice.searched)
    space = _space(way, schema, spec, choice)
    if info.gpus.get("key") in space.parameters:
        raise UsageError(f"{info.gpus['key']}: cannot be searched: all trials use as many GPUs")
    epochs = _epochs(spec, info)
    budget = search.budget(epochs) if way.is_search else Budget(1, epochs)
    with faults_by_flag(request, info):
        if resources.address is None:
            skill.check_devices(spec)
        data = dict(skill.check(spec, progress=progress))
        # The faults of the space itself come before a data set is read.
        fitted = choice.beside(data.pop("facts", {}))
        if way.is_search and fitted.left_out:
            values = {k: v for k, v in fitted.overrides.items() if k not in choice.overrides}
            spec = _spec(skill, schema, {**overrides, **choice.default_settings, **values})
            space = _space(way, schema, spec, fitted)
        timed = None
        if way.is_search and info.epochs_key not in {*overrides, *space.parameters}:
            first = fitted.default_settings | space.defaults()
            plain = {key: value for key, value in first.items() if key not in choice.named}
            timed = epochs_of_time(skill, with_values(spec, plain), resources, budget, say=say)
        if timed is not None and timed.epochs is not None:
            resources = timed.resources
            own = {**flatten(spec), info.epochs_key: timed.epochs}
            spec = _spec(skill, schema, own)
            space = _space(way, schema, spec, fitted)
            budget = search.budget(timed.epochs)
            budget = replace(budget, trials=min(budget.trials, timed.trials))
    if request.strict_data:
        check_no_leaks(data, skill.name)
    settings = Settings(
        skill=lasting_name(request.skill),
        policy="auto" if way.is_search else "off",
        route=way.to_dict(),
        budget=budget,
        to=request.to,
        refine=request.refine,
        qat=request.qat,
        min_objective=request.min_objective,
        seed=request.seed,
        spec=spec,
        fixed=tuple(sorted(choice.fixed)),
        weights=weights,
        resources=resources,
        tracker=request.tracker,
        hang_limit=request.hang_limit,
        pace={} if timed is None else timed.pace,
        data=data,
        command=_without_secrets(request.command, schema),
        versions=versions(),
        named_choices={key: named.settings for key, named in choice.named.items()},
        **_search_settings(way, search, info),
    )
    check_room(settings, info, paths.root)
    warm_start = WarmStart()
    if way.is_search and search.warm_start is not None and schema is not None:
        warm_start = earlier_trials(search.warm_start, paths.root, settings, schema, space)
    transfer = transfer_trials(info, settings, space) if way.is_search else ()
    notes += [] if timed is None else [timed.note]
    notes += notes_of(settings, way, info)
    return Plan(paths, settings, schema, space, way, warm_start, transfer, notes)


def notes_of(settings: Settings, way: Route, info: SkillInfo) -> list[str]:
    """Return a warning if trials report too rarely to be stopped early."""
    key = info.report_interval_key
    interval = flatten(settings.spec).get(key) if key is not None else None
    epochs = settings.budget.epochs
    if not way.is_search or not isinstance(interval, int) or interval == 1 or epochs < 2:
        return []
    if epochs // interval > 1:
        return []
    return [
        f"{key}={interval} of {epochs} epochs: a trial reports once, at its end, so none can be "
        f"stopped early; give {key}=1 to let the search stop bad trials"
    ]


def _choice(request: Request, skill: LoadedSkill, way: Route) -> SpaceChoice:
    info = skill.info
    overrides = {info.shorthand.get(key, key): value for key, value in request.overrides.items()}
    own = {**request.overrides, **request.space.fixed}
    return request.space.chosen(
        overrides, skill=info.name, folder=skill.folder, shorthand=info.shorthand,
        offered=skill.named_choices(request.weights, own, may_download=request.may_download),
        default=info.default_space, is_search=way.is_search,
    )  # fmt: skip


def _spec_of_first(
    skill: LoadedSkill, schema: Schema | None, overrides: Mapping[str, Any], choice: SpaceChoice
) -> dict[str, Any]:
    """Return the base spec with what the named choices of trial 0 set.

    Raises `UsageError` for each name whose settings the skill refuses.
    """
    faults: list[str] = []
    for key, choices in choice.named.items():
        for name, settings in choices.settings.items():
            try:
                with faults_of_the_user():
                    _spec(skill, schema, {**overrides, **choice.default_settings, **settings})
            except UsageError as error:
                faults += [f"{key}={name}: {fault}" for fault in error.faults]
    if faults:
        raise UsageError(*faults)
    return _spec(skill, schema, {**overrides, **choice.default_settings})


def _spec(
    skill: LoadedSkill, schema: Schema | None, overrides: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the base spec: the skill's defaults with the user's values."""
    if schema is not None:
        schema.check_keys(overrides)
    own = skill.info.key_defaults
    defaults = {key: own[key] for key in own if schema is None or key in schema.fields}
    spec = skill.resolve("train", {**defaults, **overrides})
    # A session resolves the whole spec again: a refusal must come before anything is written.
    skill.resolve("train", flatten(spec))
    check_kept_out(overrides, flatten(spec))
    return spec


def _epochs(spec: Mapping[str, Any], info: SkillInfo) -> int:
    epochs = value_at(spec, info.epochs_key)
    if not isinstance(epochs, int):
        raise UsageError(
            f"{info.epochs_key}: {epochs!r} is not a number of epochs; give --epochs N"
        )
    return epochs


def _search_settings(way: Route, search: SearchRequest, info: SkillInfo) -> dict[str, Any]:
    """Return the settings of the search; a plain training keeps their defaults."""
    if not way.is_search:
        return {"objectives": (info.training_objective,)}
    return {
        "objectives": search.resolved_objectives(info),
        "algorithm": search.algorithm,
        "algorithm_options": dict(search.algorithm_options),
        "confirm_seeds": search.confirm_seeds,
        "stop_rule": search.stop_rule,
    }


def _without_secrets(command: Sequence[str], schema: Schema | None) -> tuple[str, ...]:
    """Return a command without the values of secret keys and credentials in addresses."""
    words = []
    for word in command:
        key, equals, _ = word.partition("=")
        is_secret = equals and schema is not None and schema.is_secret(key)
        words.append(f"{key}=..." if is_secret else redacted(word))
    return tuple(words)


def _schema(way: Route, skill: LoadedSkill) -> Schema | None:
    try:
        return Schema.read(schema_path(skill.folder, "train"))
    except UsageError:
        if way.is_search:
            raise
        return None


def _default_out(skill: str) -> Path:
    return Path("runs") / f"{skill}-{datetime.now():%Y%m%d-%H%M%S}"


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
