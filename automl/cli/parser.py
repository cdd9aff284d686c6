"""The parser of the command line: its mistakes are usage errors with the nearest name."""

import argparse
import re
from collections.abc import Iterable
from typing import Any, NoReturn

from automl.errors import Fault, UsageError, closest, nearest, not_allowed, not_one_of

_ARGUMENT = re.compile(r"(?:argument|the following arguments are required:) ([^:,]+)")
_NO_CHOICE = re.compile(r"argument (?P<name>.*): invalid choice: '(?P<value>.*?)' \(")
_NO_NUMBER = re.compile(
    r"argument (?P<name>.*): invalid (?P<type>int|float) value: '(?P<value>.*)'"
)
_EMPTY = re.compile(r"argument (?P<name>.*): is empty")
_NO_COMMAND = re.compile(r"the following arguments are required: (?:ACTION|COMMAND)")
_FILE_FLAGS = (
    "-e",
    "-f",
    "-c",
    "--file",
    "--config",
    "--experiment",
    "--experiment-file",
    "--spec",
)
"""How other programs take the file of a run; ours stands alone."""
_NUMBERS = {"int": "a whole number", "float": "a number"}


class Parser(argparse.ArgumentParser):
    """Raises `UsageError` instead of ending the process: one line a fault, without the usage."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        # Else argparse takes -5m for a flag, and says only that --time lacks its value.
        self._negative_number_matcher = re.compile(r"-\.?\d")

    def error(self, message: str) -> NoReturn:
        """Raise the fault; a command or value that there is not gets the nearest one."""
        raise UsageError(self._wrong_value(message) or self._wrong_words(message))

    def _get_value(self, action: argparse.Action, arg_string: str) -> Any:
        """Refuse an empty text: most come from a variable that is not set."""
        if not arg_string.strip() and not isinstance(action, argparse._SubParsersAction):
            raise argparse.ArgumentError(action, "is empty")
        return super()._get_value(action, arg_string)

    def _wrong_value(self, message: str) -> Fault | None:
        """Return the fault of a flag's value, in the words of files and calls."""
        if empty := _EMPTY.match(message):
            name, is_flag = empty["name"].partition("/")[0], empty["name"].startswith("-")
            advice = "give it a value or leave it out" if is_flag else "give it a value"
            text = f"{name}: is empty: {advice} (is a variable of the shell unset?)"
            return Fault(text, key=name, value="", allowed="a text")
        if number := _NO_NUMBER.match(message):
            return not_allowed(number["name"], number["value"], _NUMBERS[number["type"]])
        choice = _NO_CHOICE.match(message)
        if choice is None:
            return None
        for action in self._actions:
            is_command = isinstance(action, argparse._SubParsersAction)
            if choice["name"] == _name(action) and action.choices is not None and not is_command:
                return not_one_of(choice["name"], choice["value"], action.choices)
        return None

    def _wrong_words(self, message: str) -> Fault:
        match = _NO_CHOICE.match(message)
        names = self.commands()
        help_text = f"{self.prog} --help"
        if names and _NO_COMMAND.fullmatch(message):
            text = f"{self.prog}: give one of {', '.join(names)}"
            return Fault(text, key="ACTION", allowed=names, next=help_text)
        if match is None or not names:
            text = f"{self.prog}: {message}; see {help_text}"
            return Fault(text, key=_key_in(message), next=help_text)
        text = f"{self.prog} has no command {match['value']!r}"
        text += nearest(match["value"], names) or f"; there are {', '.join(names)}"
        return Fault(
            text, key=match["name"], value=match["value"], allowed=names,
            nearest=closest(match["value"], names), next=help_text,
        )  # fmt: skip

    def refuse(self, words: Iterable[str]) -> NoReturn:
        """Raise the faults of words that no command takes; flags get the nearest one."""
        raise UsageError(*map(self._refusal, words))

    def _refusal(self, word: str) -> Fault:
        name = word.partition("=")[0]
        if not name.startswith("-"):
            return Fault(f"{self.prog}: {word!r} is one word too many", value=word)
        flags = [flag for action in self._actions for flag in action.option_strings]
        text, help_text = f"{self.prog} has no flag {name}", f"{self.prog} --help"
        takes_file = any("FILE" in str(a.metavar) for a in self._actions if not a.option_strings)
        if name in _FILE_FLAGS and takes_file:
            way_out = f"{self.prog} FILE.yaml"
            text += f"; an experiment file stands alone: {way_out}"
            return Fault(text, key=name, allowed=flags, next=way_out)
        # Two dashes that all have make nothing near.
        bare = {flag.lstrip("-"): flag for flag in flags}
        near = bare.get(closest(name.lstrip("-"), bare) or "")
        text += f"; did you mean {near}?" if near else f"; see {help_text}"
        return Fault(text, key=name, allowed=flags, nearest=near, next=help_text)

    def commands(self) -> list[str]:
        """Return the names of the commands below this one."""
        return [
            name
            for action in self._actions
            if isinstance(action, argparse._SubParsersAction)
            for name in action.choices
        ]

    def chosen(self, words: Iterable[str]) -> "Parser":
        """Return the parser of the command that words name, as far down as they name one."""
        parser = self
        for word in words:
            for action in parser._actions:
                if isinstance(action, argparse._SubParsersAction) and word in action.choices:
                    parser = action.choices[word]
        return parser


def _name(action: argparse.Action) -> str:
    """Return an argument as argparse names it in its messages."""
    return "/".join(action.option_strings) or str(action.metavar or action.dest)


def _key_in(message: str) -> str | None:
    """Return the argument that a message of argparse is about."""
    match = _ARGUMENT.match(message)
    return match[1] if match else None
