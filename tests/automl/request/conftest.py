"""Fixtures of the request: what a file and the words of a command ask for."""

import argparse

import pytest

from automl.cli import run as run_command
from automl.cli.flags import options_from_flags
from automl.request.command_line import options_from_words
from automl.request.request import request_from_options


@pytest.fixture
def parser():
    """Return the parser of `automl run`."""
    commands = argparse.ArgumentParser().add_subparsers()
    run_command.add(commands)
    return commands.choices["run"]


@pytest.fixture
def ask(tmp_path, parser):
    """Return a function: the request of a file's text and the words of a command."""

    def call(text, *words):
        path = tmp_path / "file.yaml"
        path.write_text(text)
        arguments, rest = parser.parse_known_args([str(path), *words])
        words = [*arguments.overrides, *rest]
        file, options = options_from_words(words, options_from_flags(arguments))
        return request_from_options(options, file=file)

    return call
