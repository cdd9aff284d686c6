"""The program behind an action's command: its words, and whether it can be started.

A command is one line of words, or a script of the shell, as ``x=$(...)`` on lines of its own.
"""

import os
import re
import shlex
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

from automl.errors import UsageError
from automl.skill.entry_points import installed_skills

CONFIG = "{config_path}"
_SHELL = re.compile(r"[\n;|&<>`]|\$[({\w]")
_ASSIGNMENT = re.compile(r"\w+=.*", re.DOTALL)


def command_line(command: str, places: Mapping[str, str]) -> list[str]:
    """Return the words that start a command, with values for its ``{places}``.

    A relative script, which would not be found from a trial's folder, is the one in the working
    folder.
    """
    if is_script(command):
        for name, place in places.items():
            command = command.replace(name, shlex.quote(place))
        return ["sh", "-e", "-c", command]
    words = [str(Path.cwd() / word) if _is_here(word) else word for word in shlex.split(command)]
    for name, place in places.items():
        words = [word.replace(name, place) for word in words]
    return [find_program(words[0]) or words[0], *words[1:]]


def is_script(command: str) -> bool:
    """Whether a command needs a shell."""
    return _SHELL.search(command.strip()) is not None


def program_name(command: str) -> str:
    """Return the first word of a command, of a script that of the line which takes the spec."""
    lines = [line for line in command.splitlines() if CONFIG in line] or [command]
    words = [word for word in shlex.split(lines[0]) if not _ASSIGNMENT.fullmatch(word)]
    return words[0] if words else ""


def find_program(name: str) -> str | None:
    """Return the path of a program, None if there is none.

    Programs beside this Python come first, so that ``python`` is this one. Only the program of an
    installed skill does not: a folder that has its own skill means another of that name.
    """
    if name in installed_skills():
        return shutil.which(name, path=_path_of_others())
    return shutil.which(name, path=environment()["PATH"])


def check_program(command: str, skill: str, folder: Path) -> None:
    """Raise `UsageError` if a command's program cannot be started."""
    name = program_name(command)
    info = folder / "references" / "skill_info.yaml"
    if find_program(name) is None and name in installed_skills():
        raise UsageError(
            f"{skill}: its command {name!r} is here the program of the installed skill {name}, "
            f"which is not the one that {folder} was made for; use --skill {name}, or put the "
            "folder's own program on the PATH"
        )
    if find_program(name) is None:
        raise UsageError(
            f"{skill}: its command {name!r} is not on the PATH; install it, or fix "
            f"actions.train.command in {info}"
        )
    for word in [] if is_script(command) else shlex.split(command)[1:]:
        if _is_relative_script(word) and not _is_here(word):
            raise UsageError(
                f"{skill}: its command runs {word}, which {Path.cwd()} does not have; start automl "
                f"in the program's folder, or write {{skill_dir}}/... in actions.train.command of "
                f"{info}"
            )


def _is_relative_script(word: str) -> bool:
    return word.endswith(".py") and not word.startswith(("/", "{"))


def _is_here(word: str) -> bool:
    return _is_relative_script(word) and Path(word).is_file()


def environment() -> dict[str, str]:
    """Return this process's environment; programs installed beside this Python come first."""
    return {**os.environ, "PATH": os.pathsep.join([str(_programs()), _path()])}


def _path_of_others() -> str:
    own = _programs().resolve()
    folders = (part for part in _path().split(os.pathsep) if part)
    return os.pathsep.join(part for part in folders if Path(part).resolve() != own)


def _programs() -> Path:
    return Path(sys.executable).parent


def _path() -> str:
    return os.environ.get("PATH", os.defpath)
