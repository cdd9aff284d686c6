"""Writes files atomically; reads YAML safely; locks files."""

import errno
import fcntl
import json
import math
import os
import re
import shutil
import stat
import time
from collections.abc import Collection, Mapping
from contextlib import suppress
from io import BufferedReader
from pathlib import Path
from typing import IO, Any

import yaml

from automl.errors import Fault, UsageError
from automl.version import __version__

_ADDRESS = re.compile(r"([A-Za-z][\w+.-]+):/+")
"""The start of an address such as s3://bucket; a `Path` keeps only one of its slashes."""


_LOCK_PAUSE_S = 0.05
_UNFINISHED = re.compile(r"\.(.+)\.\d+")
_MERGE = "tag:yaml.org,2002:merge"


def lock(file: IO[Any], *, patience_s: float) -> bool:
    """Lock an open file for this process; False if another one holds it for that long, in seconds.

    The kernel frees it once the file is closed, here and in all forks.
    """
    deadline = time.monotonic() + patience_s
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                return False
            time.sleep(_LOCK_PAUSE_S)
        else:
            return True


def open_regular(path: Path) -> BufferedReader:
    """Open a file of ours to read; raises `OSError` for what is no regular file.

    A pipe in its place would be waited for without end, and a device may have no end.
    """
    number = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    if not stat.S_ISREG(os.fstat(number).st_mode):
        os.close(number)
        raise OSError(errno.EINVAL, "not a regular file", str(path))
    return os.fdopen(number, "rb")


def open_at_once(path: str, flags: int) -> int:
    """Open a file, as an opener of `open`, that does not wait for the reader of a pipe."""
    return os.open(path, flags | os.O_NONBLOCK, 0o666)


def read_bytes(path: Path) -> bytes:
    """Return the content of a file of ours; raises `OSError` for what is no regular file."""
    with open_regular(path) as file:
        return file.read()


def write_atomic(path: Path, text: str) -> None:
    """Write a file beside its name and move it into place, so that nobody reads half of it.

    A write that fails leaves the old file, and no temporary one.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with beside.open("w", encoding="utf-8", errors="backslashreplace") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from error
    finally:
        beside.unlink(missing_ok=True)


def replace_folder(new: Path, target: Path) -> None:
    """Move a folder to `target`, whose former folder is removed once the new one is in place.

    What a kill in between leaves aside is put back, or removed, by the next call.
    """
    aside = target.with_name(f".{target.name}.old")
    if aside.exists() and not target.exists():
        aside.rename(target)
    remove(aside)
    if target.exists():
        target.rename(aside)
    new.rename(target)
    remove(aside)


def remove(path: Path) -> None:
    """Remove a file or a whole folder, if there is one."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def make_private(path: Path) -> None:
    """Let only its owner read a file or enter a folder; one of another owner is left as it is."""
    with suppress(OSError):
        path.chmod(0o700 if path.is_dir() else 0o600)


def make_private_folder(path: Path) -> None:
    """Make a folder that only its owner may enter, also if there is one that others may."""
    with suppress(OSError):
        path.mkdir(mode=0o700, exist_ok=True)
    make_private(path)


def check_place(path: Path, name: str) -> None:
    """Raise `UsageError` naming the flag or argument if nothing can be made at `path`.

    The path must be local, and no file may stand where one of its folders must be.
    """
    if _ADDRESS.match(str(path)):
        address = _ADDRESS.sub(r"\1://", str(path), count=1)
        text = f"{_shown(name)}{address} is an address; results are written to a local folder"
        raise UsageError(Fault(text, key=name, value=address, allowed="a local path"))
    if files := [parent for parent in path.parents if parent.is_file()]:
        text = f"{_shown(name)}{path} cannot be made: {files[0]} is a file"
        raise UsageError(Fault(text, key=name, value=str(path)))


def check_new_folder(folder: Path, name: str, *, beginnings: Collection[str] = ()) -> None:
    """Raise `UsageError` naming the flag or argument unless `folder` is empty or can be made.

    Files named in `beginnings` may be in it: a command that was killed wrote them.
    """
    check_place(folder, name)
    if folder.is_file():
        raise UsageError(Fault(f"{_shown(name)}{folder} is a file", key=name, value=str(folder)))
    if folder.is_dir() and any(_own_name(path) not in beginnings for path in folder.iterdir()):
        text = f"{_shown(name)}{folder} is not empty; choose a new folder"
        raise UsageError(Fault(text, key=name, value=str(folder)))


def _own_name(path: Path) -> str:
    """Return the name that `write_atomic` would have given to an unfinished file."""
    match = _UNFINISHED.fullmatch(path.name)
    return match[1] if match else path.name


def _shown(name: str) -> str:
    """Return the start of a message: a flag is named, an argument by position is not."""
    return f"{name}: " if name.startswith("-") else ""


def write_yaml(path: Path, content: Mapping[str, Any]) -> None:
    """Write a mapping as YAML in its own order."""
    write_atomic(path, yaml_text(content))


def yaml_text(content: Mapping[str, Any]) -> str:
    """Return a mapping as YAML in its own order."""
    return yaml.safe_dump(dict(content), sort_keys=False, allow_unicode=True)


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write a mapping as strict JSON; numbers that are not finite become null."""
    write_atomic(path, json_text(content, indent=2) + "\n")


def json_text(content: Any, *, indent: int | None = None) -> str:
    """Return strict JSON that can be encoded; numbers that are not finite become null."""
    plain = _strict(content)
    text = json.dumps(plain, indent=indent, allow_nan=False, ensure_ascii=False)
    try:
        text.encode()
    except UnicodeEncodeError:  # Names of files that are no UTF-8.
        return json.dumps(plain, indent=indent, allow_nan=False)
    return text


def _strict(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(k): _strict(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_strict(v) for v in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return str(value) if isinstance(value, Path) else value


class _KeyTwice(yaml.YAMLError):
    """A mapping has a key twice; the message says which, and where."""


class _UniqueKeys(yaml.SafeLoader):
    """Raises `_KeyTwice`; merges (<<) may repeat keys, as they are there to be overridden."""

    def compose_mapping_node(self, anchor: Any) -> Any:
        node: Any = super().compose_mapping_node(anchor)
        lines: dict[str, int] = {}
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode) or key.tag == _MERGE:
                continue
            line = key.start_mark.line + 1
            if key.value in lines:
                first = lines[key.value]
                raise _KeyTwice(f"{key.value!r} is there twice, on lines {first} and {line}")
            lines[key.value] = line
        return node


def read_yaml(path: Path) -> Any:
    """Return a file's content; raises `UsageError` if it cannot be read or is not YAML."""
    return parse_yaml(read_text(path), path)


def read_text(path: Path, *, is_ours: bool = False) -> str:
    """Return a file's text; raises `UsageError` if it cannot be read or is not UTF-8.

    One of ours must be a regular file; a user may give a pipe.
    """
    try:
        return read_bytes(path).decode() if is_ours else path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        cause = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
        raise UsageError(f"{path}: cannot be read ({cause})") from error


def parse_yaml(text: str, path: Path) -> Any:
    """Return the content of a YAML text; raises `UsageError` that names its file.

    A mapping with a key twice is refused, since YAML's readers keep the last without a word.
    """
    try:
        return yaml.load(text, _UniqueKeys)
    except _KeyTwice as error:
        raise UsageError(f"{path}: {error}") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        place = f"line {mark.line + 1}" if mark else " ".join(str(error).split())
        raise UsageError(f"{path}: is not YAML ({place})") from error


def read_yaml_mapping(path: Path) -> dict[str, Any]:
    """Return a file's mapping; raises `UsageError` as `read_yaml`, and for any other content."""
    content = read_yaml(path)
    if not isinstance(content, dict):
        raise UsageError(f"{path}: {content!r} is not allowed: must be a mapping")
    return content


def check_format(path: Path | str, number: object, *, reads: int, writer: object = None) -> None:
    """Raise `UsageError` unless a file has the format that this version reads.

    Args:
        path: The file.
        number: The number of its format; None if it names none.
        reads: The number that this version reads.
        writer: The version of automl that wrote the file; None if it names none.
    """
    if number == reads:
        return
    other = f"automl {writer}, which wrote it" if writer else "the version that wrote it"
    raise UsageError(
        f"{path}: has format {number}, and automl {__version__} reads format {reads}; "
        f"read it with {other}"
    )
