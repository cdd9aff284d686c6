"""Requests by hand from a page: the same checks and requests as the commands'."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from automl.errors import UsageError, not_allowed
from automl.experiment.by_hand import check_stop, domain_text, values_to_add
from automl.experiment.experiment import Experiment
from automl.experiment.requests import ADD, STOP, ask_to_add, ask_to_stop
from automl.schema.spec import parse_assignments
from automl.space.domain import Choices


def ask(root: Path, content: Any) -> dict[str, Any]:
    """Leave the request that a page sent; raises `UsageError` for one that cannot be."""
    if not isinstance(content, Mapping) or content.get("action") not in (STOP, ADD):
        raise UsageError("the request must have an action, stop or add")
    experiment = Experiment.load(root)
    if content["action"] == STOP:
        trial = _trial(content.get("trial"))
        check_stop(experiment, trial)
        request = ask_to_stop(experiment.paths, trial)
    else:
        space = experiment.space()
        given = content.get("values", {})
        if not isinstance(given, Mapping):
            raise UsageError("the values must be a mapping")
        values = parse_assignments(f"{key}={text}" for key, text in given.items())
        like = content.get("like")
        like = None if like is None else _trial(like)
        request = ask_to_add(experiment.paths, values_to_add(experiment, space, values, like=like))
    return {**request.to_dict(), "state": experiment.state}


def add_form(root: Path, like: str) -> dict[str, Any]:
    """Return the fields of the form for a new trial, filled as in trial `like` or the defaults."""
    experiment = Experiment.load(root)
    space = experiment.space()
    trial = experiment.history.trials.get(int(like)) if like.isdigit() else None
    values = space.defaults() if trial is None else trial.values
    fields = []
    for key, parameter in space.parameters.items():
        domain = parameter.domain
        fields.append({
            "key": key, "allowed": domain_text(domain), "value": values.get(key),
            "choices": list(domain.values) if isinstance(domain, Choices) else None,
        })  # fmt: skip
    return {"like": None if trial is None else trial.number, "fields": fields}


def _trial(number: Any) -> int:
    if type(number) is not int:
        raise UsageError(not_allowed("trial", number, "a whole number"))
    return number
