"""Checks what a person asks of an experiment: which trial to stop, which values to try."""

from collections.abc import Mapping
from typing import Any

from automl.errors import Fault, UsageError, closest, nearest, not_allowed
from automl.experiment.experiment import Experiment
from automl.formats import compact
from automl.space.domain import Domain, Range
from automl.space.space import SearchSpace, nearest_in

POPULATIONS = ("pbt", "pb2")
"""Algorithms whose trials are copies of each other: none can be added."""


def check_stop(experiment: Experiment, number: int) -> None:
    """Raise `UsageError` unless a trial can still be stopped."""
    _check_open(experiment)
    trials = experiment.history.trials
    name = experiment.paths.root
    unfinished = [n for n, trial in sorted(trials.items()) if not trial.state.is_final]
    trial = trials.get(number)
    if trial is None or trial.state.is_final:
        how = "there is no such trial" if trial is None else f"it has ended ({trial.state.value})"
        left = ", ".join(map(str, unfinished)) or "none"
        raise UsageError(
            Fault(f"--trial {number}: {how}; trials that can be stopped: {left}", key="--trial",
                  value=number, allowed=unfinished, next=f"automl status {name}")
        )  # fmt: skip


def values_to_add(
    experiment: Experiment,
    space: SearchSpace,
    given: Mapping[str, Any],
    *,
    like: int | None = None,
) -> dict[str, Any]:
    """Return the values of a trial to add: those given, and the rest as in trial `like`.

    Without `like` the rest are the defaults. Names may be short: `lr` for `train.optim.lr`.

    Raises `UsageError` for unknown names, values outside their ranges, values of parameters that
    the others switch off, and values that a trial has had.
    """
    _check_open(experiment)
    _check_addable(experiment, space)
    wanted = {_full_name(space, name): value for name, value in given.items()}
    values = _completed(space, {**_values_of(experiment, like), **wanted}, wanted)
    wrong = {fault.partition(":")[0] for fault in space.faults(values)}
    faults = [
        _inactive(key) if key not in values else _outside(space, key, values)
        for key in wanted
        if key in wrong or key not in values
    ]
    if faults:
        raise UsageError(*faults)
    for trial in experiment.history.trials.values():
        if trial.values == values and trial.confirms is None:
            raise UsageError(
                f"{experiment.paths.root}: trial {trial.number} has these values; change one"
            )
    return values


def _check_open(experiment: Experiment) -> None:
    root = experiment.paths.root
    if experiment.history.closed == "finished":
        raise UsageError(
            Fault(f"{root}: its search is over; start another with automl run --warm-start {root}",
                  key="EXPERIMENT", value=str(root), next=f"automl status {root}")
        )  # fmt: skip


def _check_addable(experiment: Experiment, space: SearchSpace) -> None:
    root, settings = experiment.paths.root, experiment.settings
    if not space.parameters:
        raise UsageError(f"{root}: is a single training, to which no trial can be added")
    if settings.algorithm in POPULATIONS:
        raise UsageError(
            f"{root}: {settings.algorithm} makes each trial of another, so that none can be added"
        )


def _full_name(space: SearchSpace, name: str) -> str:
    """Return the parameter of a name or of the end of one; raises `UsageError`."""
    if name in space.parameters:
        return name
    ends = [key for key in space.parameters if key.endswith(f".{name}")]
    if len(ends) == 1:
        return ends[0]
    names = [*space.parameters, *(key.rpartition(".")[2] for key in space.parameters)]
    hint = f"; it may be {' or '.join(ends)}" if ends else nearest(name, names)
    hint = hint or f"; searched are {', '.join(space.parameters)}"
    raise UsageError(
        Fault(f"{name}: is not searched{hint}", key=name, allowed=ends or list(space.parameters),
              nearest=closest(name, names))
    )  # fmt: skip


def _values_of(experiment: Experiment, number: int | None) -> Mapping[str, Any]:
    if number is None:
        return {}
    trials = experiment.history.trials
    if number not in trials:
        raise UsageError(
            Fault(f"--like {number}: there is no such trial; there are 0 to {len(trials) - 1}"
                  if trials else f"--like {number}: no trial has started",
                  key="--like", value=number, allowed=sorted(trials))
        )  # fmt: skip
    return trials[number].values


def _completed(
    space: SearchSpace, base: Mapping[str, Any], given: Mapping[str, Any]
) -> dict[str, Any]:
    """Return one value for each active parameter; what is not given is moved into its range."""
    values: dict[str, Any] = {}
    for key, parameter in space.parameters.items():
        if not space.is_active(parameter, values):
            continue
        default = parameter.given(values).default
        value = base.get(key, default)
        values[key] = value if key in given else nearest_in(space.domain(parameter, values), value)
    return values


def _outside(space: SearchSpace, key: str, values: Mapping[str, Any]) -> Fault:
    must = domain_text(space.domain(space.parameters[key], values))
    return not_allowed(key, values[key], must)


def domain_text(domain: Domain) -> str:
    """Return the values of a domain in words."""
    if not isinstance(domain, Range):
        return f"one of {', '.join(map(compact, domain.values))}"
    kind = "a whole number" if domain.is_int else "a number"
    step = f" in steps of {compact(domain.step)}" if domain.step and domain.step != 1 else ""
    return f"{kind} from {compact(domain.low)} to {compact(domain.high)}{step}"


def _inactive(key: str) -> Fault:
    return Fault(f"{key}: has no effect beside the other values, which switch it off", key=key)
