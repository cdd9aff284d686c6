"""Decoded pairs, kept so that none is decoded twice: by a process, or by this machine."""

import hashlib
import logging
import math
import os
import shutil
import struct
import time
import zlib
from collections.abc import Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from segformer.data.pairs import Pair
from segformer.data.windows import Size, is_plain
from segformer.spec.sections.dataset import DatasetSegment
from segformer.storage.staging import cache_folder

_log = logging.getLogger(__name__)

Pixels = NDArray[np.uint8]
Decoded = tuple[Pixels, Pixels, bool]
"""Image HxWxC, class ids HxW, and whether they are a picture of its own size."""

MEMORY_BYTES = 512 * 2**20
"""Each process keeps pairs in memory up to this size."""
LEAST_FREE = 0.1
"""Share of the disk that stays free."""

NOT_OF_THE_PIXELS = {
    "augmentation", "batch_size", "cache", "cache_gb", "has_up", "quant_calibration_dataset",
    "rare_class_temperature", "sampling", "shuffle", "workers",
}  # fmt: skip
"""Settings that change no decoded pair. Of the others any may."""
_HEADER = struct.Struct("<IIIII")
"""CRC-32 of all that follows the header, height, width, channels, whether a picture."""


class Cache(Protocol):
    """Pairs by their place in the split."""

    def get(self, index: int) -> Decoded | None:
        """Return a pair, None if it is not kept."""
        ...

    def put(self, index: int, pair: Decoded) -> None:
        """Keep a pair if there is room."""
        ...


def cache_of(segment: DatasetSegment, pairs: Sequence[Pair], *, is_augmented: bool) -> Cache:
    """Return the cache of a split that the settings ask for."""
    if segment.cache == "ram":
        return MemoryCache()
    return DiskCache(segment, pairs, is_augmented=is_augmented)


def is_own_size(picture: Size, segment: DatasetSegment, *, is_augmented: bool) -> bool:
    """Whether a pair is kept at the size of its picture and not at that of the input."""
    return segment.resize == "crop" or not (is_augmented or is_plain(picture, segment))


def beyond_memory(
    split: str, pictures: Sequence[Size], segment: DatasetSegment, *, is_augmented: bool
) -> str:
    """Return what to do if a process cannot keep the pairs of a split; "" if it can."""
    pixels = sum(
        math.prod(each if is_own_size(each, segment, is_augmented=is_augmented) else segment.size)
        for each in pictures
    )
    needed = pixels * (segment.channels + 1)
    if segment.cache != "ram" or needed <= MEMORY_BYTES:
        return ""
    return (
        f"the {len(pictures)} pairs of {split} take {needed / 1e9:.1f} GB decoded, of which a"
        f" process keeps {MEMORY_BYTES / 1e9:.1f}: dataset.segment.cache=disk decodes them once"
        " for all trainings"
    )


class MemoryCache:
    """Pairs in the memory of this process."""

    def __init__(self) -> None:
        self._pairs: dict[int, Decoded] = {}
        self._bytes = 0

    def get(self, index: int) -> Decoded | None:
        """Return a pair, None if it is not kept."""
        return self._pairs.get(index)

    def put(self, index: int, pair: Decoded) -> None:
        """Keep a pair if there is room."""
        cost = _bytes(pair)
        if self._bytes + cost <= MEMORY_BYTES:
            self._pairs[index] = pair
            self._bytes += cost


class DiskCache:
    """Pairs in files of this machine's cache folder, for all processes that read them alike.

    A pair has a file of its own, named after all that decides its pixels: the code that reads, the
    settings, and path, size and time of its files. Files are mapped into memory, which all
    processes share. A file that is harmed is decoded anew. Sets that were not used for longest
    make room for this one.
    """

    def __init__(
        self, segment: DatasetSegment, pairs: Sequence[Pair], *, is_augmented: bool
    ) -> None:
        self._pairs = pairs
        reading = segment.model_dump(mode="json", exclude=NOT_OF_THE_PIXELS)
        self._folder = _root() / _digest(code_digest(), reading, is_augmented)
        self._limit = round(segment.cache_gb * 1e9)
        self._checked: set[int] = set()
        self._is_closed = False
        with suppress(OSError):
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            os.utime(self._folder)
        self._bytes = sum(_sizes(_root()).values())

    def get(self, index: int) -> Decoded | None:
        """Return a pair, None if it is not kept or its file is harmed."""
        try:
            content = np.memmap(self._path(index), dtype=np.uint8, mode="r")
            start = _HEADER.size
            crc, height, width, channels, is_picture = _HEADER.unpack(content[:start].data)
        except (OSError, ValueError, struct.error):
            return None
        rest, edge = content[start:], height * width * channels
        if len(rest) != edge + height * width:
            return None
        if index not in self._checked:
            if zlib.crc32(rest.data) != crc:
                return None
            self._checked.add(index)
        image = np.asarray(rest[:edge]).reshape(height, width, channels)
        return image, np.asarray(rest[edge:]).reshape(height, width), bool(is_picture)

    def put(self, index: int, pair: Decoded) -> None:
        """Keep a pair if there is room, and make some of the sets of other settings if not."""
        if self._is_closed:
            return
        image, ids, is_picture = pair
        body = np.concatenate([image.ravel(), ids.ravel()])
        header = _HEADER.pack(zlib.crc32(body.data), *image.shape, is_picture)
        try:
            if self._has_room(len(body)):
                _write(self._path(index), header, body)
                self._bytes += len(body)
        except OSError as error:
            self._close(f"cannot be written ({error.strerror or error})")

    def _has_room(self, cost: int) -> bool:
        if self._bytes + cost > self._limit:
            self._bytes = _make_room(self._limit - cost, besides=self._folder)
        if self._bytes + cost > self._limit:
            self._close(f"is full at {self._limit / 1e9:g} GB (dataset.segment.cache_gb)")
        else:
            disk = shutil.disk_usage(self._folder)
            if disk.free - cost < LEAST_FREE * disk.total:
                self._close(f"stays as it is: {disk.free / 1e9:.1f} GB of the disk are free")
        return not self._is_closed

    def _close(self, why: str) -> None:
        """Keep no more: the cache saves time only."""
        self._is_closed = True
        _log.warning("the cache of images %s %s; other images are decoded anew", _root(), why)

    def _path(self, index: int) -> Path:
        pair = self._pairs[index]
        # By name and time, since reading the files is what the cache saves.
        return self._folder / _digest(pair.stem, *map(_stamp, (pair.image, pair.mask)))


def _root() -> Path:
    return cache_folder() / "decoded"


def _write(path: Path, header: bytes, body: Pixels) -> None:
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        # Not synced: after a power failure the checksum tells.
        with open(part, "wb", opener=_private) as file:
            file.write(header)
            file.write(body.data)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _bytes(pair: Decoded) -> int:
    return pair[0].nbytes + pair[1].nbytes


def _digest(*parts: object) -> str:
    return hashlib.sha256(repr(parts).encode("utf-8", "surrogateescape")).hexdigest()[:32]


@cache
def code_digest() -> str:
    """Return a digest of this package: another version may read the same file otherwise."""
    files = sorted(Path(__file__).parent.rglob("*.py"))
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()


def _stamp(path: Path) -> tuple[str, int, int]:
    found = path.stat()
    return str(path.absolute()), found.st_size, found.st_mtime_ns


def _sizes(root: Path) -> dict[Path, int]:
    """Return the bytes of each set in the cache."""
    sizes: dict[Path, int] = {}
    with suppress(OSError):
        for folder in root.iterdir():
            with suppress(OSError):  # Another process may remove it now.
                sizes[folder] = sum(entry.stat().st_size for entry in os.scandir(folder))
    return sizes


def _make_room(limit: int, *, besides: Path) -> int:
    """Remove other sets, the longest unused first, until a limit holds; return the bytes left.

    What another process has mapped it keeps; what it then misses it decodes again.
    """
    sizes = _sizes(besides.parent)
    left = sum(sizes.values())
    for folder in sorted(sizes.keys() - {besides}, key=_used):
        if left <= limit:
            break
        shutil.rmtree(folder, ignore_errors=True)
        left -= sizes[folder]
    return left


def _used(folder: Path) -> float:
    try:
        return folder.stat().st_mtime
    except OSError:
        return time.time()
