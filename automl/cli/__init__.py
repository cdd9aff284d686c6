"""The command line: parses, calls, prints. Commands import what they need when they run."""

import argparse
import atexit
import gc
import logging
import os
import sys
import traceback
from collections.abc import Callable, Sequence
from contextlib import nullcontext

from automl.cli import (
    by_hand,
    completion,
    data,
    doctor,
    experiment,
    fsck,
    init,
    job,
    mcp,
    models,
    predict,
    promote,
    reproduce,
    run,
    serve,
    skill,
    watch,
)
from automl.cli.json_lines import json_lines
from automl.cli.output import FULL, CommandFailed, error_of_a_file, print_error
from automl.cli.parser import Parser
from automl.errors import AutomlError, Interrupted, RunFailed
from automl.progress.unbroken import unbroken_stderr
from automl.redact import PrintableFormatter
from automl.version import __version__

_BROKEN_PIPE = 141
"""The exit code of a program that SIGPIPE ended, as a shell reports it."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code.

    0 done, 1 failed, 2 usage, 3 trained directly instead of searching, 75 resumable, 130 Ctrl-C.
    """
    words = sys.argv[1:] if argv is None else list(argv)
    # Python looks through all objects several times as it ends: half a second after a search.
    atexit.register(gc.freeze)
    if logging.lastResort is not None:  # Skills log the names of files.
        logging.lastResort.setFormatter(PrintableFormatter())
    is_json = "--json" in words
    with unbroken_stderr(), json_lines() if is_json else nullcontext():
        return _reported(words, is_json=is_json)


def _reported(words: Sequence[str], *, is_json: bool) -> int:
    """Run a command; report an error on stderr, and with --json on stdout."""
    try:
        code = _run(words)
        if sys.stdout is not None:
            sys.stdout.flush()  # What cannot be written is told here, and not as Python exits.
        return code
    except CommandFailed as failed:
        print_error(failed.error, is_json=is_json, content=failed.content)
        return failed.error.exit_code
    except AutomlError as error:
        print_error(error, is_json=is_json, content={})
        return error.exit_code
    except KeyboardInterrupt:
        interrupted = Interrupted("interrupted")
        print_error(interrupted, is_json=is_json, content={})
        return interrupted.exit_code
    except BrokenPipeError:
        _drop_stdout()
        return _BROKEN_PIPE
    except OSError as error:
        if error.filename is None and _is_stdout_broken():
            _drop_stdout()
            failed_output = RunFailed(f"stdout: cannot be written ({error.strerror})")
            print_error(failed_output, is_json=is_json, content={})
            return failed_output.exit_code
        if error.filename is None and error.errno not in FULL:
            raise
        refused = error_of_a_file(error)
        print_error(refused, is_json=is_json, content={})
        return refused.exit_code
    except Exception as error:
        if not is_json:
            raise
        traceback.print_exc()
        defect = AutomlError(f"{type(error).__name__}: {error}", kind="defect")
        print_error(defect, is_json=True, content={})
        return defect.exit_code


def _is_stdout_broken() -> bool:
    """Whether stdout takes nothing more; what could not be written is not tried again by itself."""
    try:
        print(flush=True)
    except OSError:
        return True
    return False


def _drop_stdout() -> None:
    """Point stdout elsewhere: the interpreter's own flush at exit must find an open file."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _run(words: Sequence[str]) -> int:
    commands = parser()
    completion.answer_shell(commands)
    if not words:
        commands.print_help()
        return 0
    arguments = _arguments(commands, words)
    command: Callable[[argparse.Namespace], int] = arguments.command
    return command(arguments)


def _arguments(commands: Parser, words: Sequence[str]) -> argparse.Namespace:
    """Parse; argparse leaves over the settings that follow an option."""
    arguments, rest = commands.parse_known_args(words)
    unknown = [word for word in rest if word.startswith("-") or "overrides" not in arguments]
    if unknown:
        commands.chosen(words).refuse(unknown)
    if rest:
        arguments.overrides += rest
    return arguments


def parser() -> Parser:
    """Return the parser of all commands."""
    whole = Parser(
        prog="automl", description="Search a skill's hyperparameters and promote the best model."
    )
    whole.add_argument("--version", action="version", version=f"automl {__version__}")
    commands = whole.add_subparsers(metavar="COMMAND", required=True)
    run.add(commands)
    init.add(commands)
    experiment.add(commands)
    by_hand.add(commands)
    watch.add(commands)
    fsck.add(commands)
    job.add(commands)
    mcp.add(commands)
    data.add(commands)
    skill.add(commands)
    promote.add(commands)
    predict.add(commands)
    models.add(commands)
    serve.add(commands)
    reproduce.add(commands)
    doctor.add(commands)
    completion.add(commands)
    return whole
