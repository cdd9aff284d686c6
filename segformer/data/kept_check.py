"""What a check of a data set found, in a file: files that have not changed are not read again."""

import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from segformer.data.decoded import NOT_OF_THE_PIXELS, code_digest
from segformer.data.layouts.names import files_below
from segformer.data.pairs import is_image_file
from segformer.data.source import Source
from segformer.spec.sections.dataset import DatasetSegment
from segformer.storage.atomic import replacing
from segformer.storage.staging import SPLIT_FILE

FORMAT = 1
FILE = "check.json"

_NO_MATTER = NOT_OF_THE_PIXELS - {"cache"}
"""Settings on which no finding depends. `cache` is none: a warning is about one in memory."""


@dataclass(frozen=True)
class KeptCheck:
    """What was found, and of which files."""

    stamp: str
    """See `stamp_of`."""
    record: Mapping[str, Any]
    """That of the check."""
    lines: Sequence[str]
    """The warnings on what the files hold."""

    @classmethod
    def read(cls, path: Path, stamp: str) -> Self | None:
        """Return what was found of the files with this stamp; None if the file has nothing of it.

        A file that is torn, of another format or of other files costs a check, and no more.
        """
        try:
            content = json.loads(path.read_bytes())
            if (content["format"], content["stamp"]) != (FORMAT, stamp):
                return None
            return cls(stamp, dict(content["record"]), [str(line) for line in content["lines"]])
        except (OSError, ValueError, LookupError, TypeError, RecursionError):
            return None

    def write(self, path: Path) -> None:
        """Write the file; raises `OSError`."""
        content = {
            "format": FORMAT, "stamp": self.stamp, "record": self.record, "lines": self.lines,
        }  # fmt: skip
        with replacing(path) as part:
            part.write_text(json.dumps(content, indent=1) + "\n", "utf-8")


def stamp_of(source: Source, segment: DatasetSegment) -> str:
    """Return a digest of all that a check depends on, without reading a picture.

    It covers this package's code, the settings, and names, sizes and times of the files of each
    split and of all other files but pictures: classes may be named there. Renaming a file changes
    its second time, so that two that changed places are noticed.
    """
    settings = segment.model_dump(mode="json", exclude=_NO_MATTER)
    digest = hashlib.sha256(repr((FORMAT, code_digest(), settings)).encode())
    for name, path in _files(source, Path(segment.root_dir)):
        try:
            found = path.stat()
            state = found.st_size, found.st_mtime_ns, found.st_ctime_ns
        except OSError as error:
            state = error.errno or 0, 0, 0
        digest.update(repr((name, os.fsencode(path), state)).encode())
    return digest.hexdigest()


def _files(source: Source, root: Path) -> Iterator[tuple[str, Path]]:
    for split, pairs in source.splits.items():
        for pair in pairs:
            yield split, pair.image
            yield split, pair.mask
    for path in files_below(root):
        # split.json has done its part: the pairs are in their splits.
        if not is_image_file(path) and path.name != SPLIT_FILE:
            yield "", path
