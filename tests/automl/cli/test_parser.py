import argparse

import pytest

from automl.cli import _arguments, parser
from automl.errors import UsageError


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ("rnu", "automl has no command 'rnu'; did you mean run?"),
        ("run --trails 3", "automl run has no flag --trails; did you mean --trials?"),
        ("run --qqqqqqqq", "automl run has no flag --qqqqqqqq; see automl run --help"),
        ("run -e a.yaml", "automl run has no flag -e; an experiment file stands alone: automl run "
         "FILE.yaml"),
        ("run --config=a.yaml", "automl run has no flag --config; an experiment file stands alone"),
        ("resume -e a", "automl resume has no flag -e; see automl resume --help"),
        ("doctor --nope", "automl doctor has no flag --nope; see automl doctor --help"),
        ("run --min-objective abc", "--min-objective: 'abc' is not allowed: must be a number"),
        ("run --trials many", "--trials: 'many' is not allowed: must be a whole number"),
        ("completion tcsh", "shell: 'tcsh' is not one of bash, zsh, fish"),
        ("status", "automl status: the following arguments are required: experiment; see automl "
         "status --help"),
        ("skill", "automl skill: give one of "),
        ("job", "automl job: give one of run, "),
    ],
)  # fmt: skip
def test_a_mistake_is_one_line_with_what_is_allowed_or_the_next_step(words, text):
    with pytest.raises(UsageError) as caught:
        _arguments(parser(), words.split())
    (fault,) = caught.value.faults
    assert fault.startswith(text) and "\n" not in fault


def _texts_of(commands, words=()):
    """Yield the words of a command before each of its arguments that takes a text."""
    for action in commands._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, inner in action.choices.items():
                yield from _texts_of(inner, (*words, name))
        elif action.nargs != 0 and words[:1] != ("completion",):
            name = action.option_strings[0] if action.option_strings else None
            yield pytest.param((*words, name), id=" ".join((*words, name or action.dest)))


@pytest.mark.parametrize("words", [*_texts_of(parser())])
def test_no_argument_of_any_command_is_empty(words):
    *command, flag = words
    count = 2 if flag == "--queue" else 9 if flag is None else 1
    with pytest.raises(UsageError, match="is empty: give it a value") as caught:
        _arguments(parser(), [*command, *([flag] if flag else []), *[" "] * count])
    if flag:
        assert caught.value.faults[0].key == flag


def test_the_parts_of_a_mistake_are_for_programs():
    with pytest.raises(UsageError) as caught:
        _arguments(parser(), ["completion", "bsh"])
    (fault,) = caught.value.faults
    assert (fault.key, fault.value, fault.nearest) == ("shell", "bsh", "bash")


def test_a_value_that_begins_with_a_minus_is_a_value():
    arguments = _arguments(parser(), ["run", "--time", "-5m"])
    assert arguments.time == "-5m"
