"""Checksums of an experiment's files, so that a harmed one is refused and not misread.

They find what a disk, a copy or an editor did; whoever may write the files can also forge them.
"""

import re
import zlib
from collections.abc import Mapping
from pathlib import Path

from automl.errors import UsageError
from automl.files import read_bytes, read_yaml_mapping

_FIRST_LINE = re.compile(r"\A# checksum ([0-9a-f]{8}):[^\n]*\n")
_LINE_END = re.compile(rb', "crc": "([0-9a-f]{8})"\}')
_LINE_END_SIZE = len(b', "crc": "00000000"}')


def checksum(content: bytes, before: int = 0) -> str:
    """Return the CRC-32 of a content that continues one whose CRC-32 is `before`."""
    return f"{zlib.crc32(content, before):08x}"


def sealed_line(line: bytes, before: int) -> bytes:
    """Return a line of JSON, an object, that ends with the checksum of all lines up to it.

    `before` is the checksum of the line before: a line that is lost, doubled or moved shows, too.
    """
    return line[:-1] + b', "crc": "' + checksum(line, before).encode() + b'"}'


def seal_of(line: bytes) -> tuple[bytes, int | None]:
    """Return a line as it was before `sealed_line`, and its checksum; None if it has none."""
    match = _LINE_END.fullmatch(line[-_LINE_END_SIZE:])
    return (line, None) if match is None else (line[:-_LINE_END_SIZE] + b"}", int(match[1], 16))


def sealed_text(text: str) -> str:
    """Return a YAML text with its checksum as a comment above it."""
    return (
        f"# checksum {checksum(text.encode())}: automl refuses this file once it is changed; if "
        f"you change it on purpose, run: automl fsck EXPERIMENT --accept\n{text}"
    )


def is_changed(text: str) -> bool | None:
    """Whether a sealed text is not the one that was sealed; None if it has no checksum."""
    match = _FIRST_LINE.match(text)
    return None if match is None else checksum(text[match.end() :].encode()) != match[1]


def without_checksum(text: str) -> str:
    """Return a text without the comment that `sealed_text` put above it."""
    return _FIRST_LINE.sub("", text, count=1)


def check_file(path: Path, checksums: Mapping[str, str]) -> None:
    """Raise `UsageError` if a file is gone, or not the one whose checksum was kept by its name.

    Experiments of an older format kept none; their files are not checked.
    """
    if path.name not in checksums:
        return
    try:
        content = read_bytes(path)
    except OSError as error:
        raise UsageError(
            f"{path}: cannot be read ({error.strerror}); the experiment needs it: put it back "
            "from a copy, or start a new experiment"
        ) from error
    if checksum(content) != checksums[path.name]:
        raise UsageError(changed(path))


def changed(path: Path) -> str:
    """Return the fault of a file whose checksum is wrong."""
    text = (
        f"{path}: was changed or harmed since the experiment began, and its checksum is wrong; "
        "put it back from a copy"
    )
    if not _is_mapping(path):  # No change that anybody makes on purpose.
        return text
    return f"{text}, or if you changed it on purpose: automl fsck {path.parent} --accept"


def _is_mapping(path: Path) -> bool:
    try:
        return bool(read_yaml_mapping(path))
    except UsageError:
        return False
