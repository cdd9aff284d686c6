"""The weights that a model starts from, as explicit values of the spec."""

from collections.abc import Mapping
from dataclasses import replace

from automl.request.request import Request
from automl.request.space_choice import SpaceChoice
from automl.skill.failures import faults_of_the_user
from automl.skill.loaded import LoadedSkill


def with_weights(
    request: Request, skill: LoadedSkill, choice: SpaceChoice
) -> tuple[SpaceChoice, Mapping[str, str], list[str]]:
    """Return the choice with the values that the weights need, facts about them, and notes.

    The values are in the spec of every trial, so that the skill alone reproduces it. Raises
    `UsageError` for weights that cannot be had or contradict what the user set.
    """
    named = {key for choices in choice.named.values() for key in choices.keys}
    with faults_of_the_user():
        chosen = skill.initial_weights(
            request.weights, choice.overrides, searched=named | choice.entries.keys(),
            may_download=request.may_download,
        )  # fmt: skip
    if chosen is None:
        return choice, {}, []
    values = {**choice.overrides, **chosen.settings}
    notes = [] if chosen.note is None else [chosen.note]
    return replace(choice, overrides=values), dict(chosen.facts), notes
