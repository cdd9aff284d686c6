"""The weights that a model starts from, as explicit values of the spec."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from automl.request.request import Request
from automl.request.space_choice import SpaceChoice
from automl.skill.base import InitialWeights
from automl.skill.failures import faults_of_the_user
from automl.skill.loaded import LoadedSkill


def with_named_weights(request: Request, skill: LoadedSkill) -> Request:
    """Return a request in which weights that it names, or none, are values of the user's.

    They come before the search space, so that what contradicts them is not searched.
    """
    if request.weights in (None, "auto"):
        return request
    with faults_of_the_user():
        chosen = skill.initial_weights(
            request.weights, request.overrides, searched=(), may_download=request.may_download
        )
    if chosen is None:
        return request
    named = "none" if request.weights == "none" else "auto"
    return replace(request, overrides={**chosen.settings, **request.overrides}, weights=named)


def with_weights(
    request: Request,
    skill: LoadedSkill,
    choice: SpaceChoice,
    *,
    beside: Callable[[Mapping[str, Any]], SpaceChoice],
) -> tuple[SpaceChoice, Mapping[str, str], list[str]]:
    """Return the choice with the values that the weights need, facts about them, and notes.

    The values are in the spec of every trial, so that the skill alone reproduces it. Named choices
    that bring weights of their own get no others, unless the user named some: `beside` then
    returns the choice that is left beside their settings. Raises `UsageError` for weights that
    cannot be had or contradict what the user set.
    """
    searched = set(choice.entries)
    named = {key for choices in choice.named.values() for key in choices.keys}
    chosen = _initial_weights(request, skill, choice, searched)
    if chosen is None:
        return choice, {}, []
    if request.weights in (None, "auto") and named:
        if _initial_weights(request, skill, choice, searched | named) != chosen:
            return choice, {}, []
    elif named & chosen.settings.keys():
        choice = beside(chosen.settings)
    values = {**choice.overrides, **chosen.settings}
    notes = [] if chosen.note is None else [chosen.note]
    return replace(choice, overrides=values), dict(chosen.facts), notes


def _initial_weights(
    request: Request, skill: LoadedSkill, choice: SpaceChoice, searched: set[str]
) -> InitialWeights | None:
    with faults_of_the_user():
        return skill.initial_weights(
            request.weights, choice.overrides, searched=searched,
            may_download=request.may_download,
        )  # fmt: skip
