"""The parser of the command line: its mistakes are usage errors with the nearest name."""

import argparse
import re
from collections.abc import Iterable
from typing import NoReturn

from automl.errors import Fault, UsageError, closest, nearest

_ARGUMENT = re.compile(r"argument ([^:]+): ")
_NO_CHOICE = re.compile(r"argument (?P<name>.*): invalid choice: '(?P<value>.*?)' \(")


class CommandError(UsageError):
    """A command that cannot be parsed; `usage` is the usage of the command that it is about."""

    def __init__(self, *faults: str, usage: str) -> None:
        super().__init__(*faults)
        self.usage = usage


class Parser(argparse.ArgumentParser):
    """Raises `CommandError` instead of ending the process."""

    def error(self, message: str) -> NoReturn:
        """Raise the fault; a command that there is not gets the nearest one."""
        match = _NO_CHOICE.match(message)
        fault = Fault(f"{self.prog}: {message}", key=_key_in(message))
        if match is not None and (names := self.commands()):
            text = f"{self.prog} has no command {match['value']!r}"
            text += nearest(match["value"], names) or f"; there are {', '.join(names)}"
            fault = Fault(
                text, key=match["name"], value=match["value"], allowed=names,
                nearest=closest(match["value"], names), next=f"{self.prog} --help",
            )  # fmt: skip
        raise CommandError(fault, usage=self.format_usage())

    def refuse(self, words: Iterable[str]) -> NoReturn:
        """Raise the faults of words that no command takes; flags get the nearest one."""
        flags = [flag for action in self._actions for flag in action.option_strings]
        faults = []
        for word in words:
            name = word.partition("=")[0]
            if not name.startswith("-"):
                faults.append(Fault(f"{self.prog}: {word!r} is one word too many", value=word))
                continue
            faults.append(
                Fault(
                    f"{self.prog} has no flag {name}{nearest(name, flags)}",
                    key=name,
                    allowed=flags,
                    nearest=closest(name, flags),
                    next=f"{self.prog} --help",
                )  # fmt: skip
            )
        raise CommandError(*faults, usage=self.format_usage())

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


def _key_in(message: str) -> str | None:
    """Return the argument that a message of argparse is about."""
    match = _ARGUMENT.match(message)
    return match[1] if match else None
