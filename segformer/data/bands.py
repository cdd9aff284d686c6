"""Pictures that are too large to be held at once, read in bands of rows from the top.

PNG and TIFF are read a band at a time: their compressed rows are wrapped as a small file of the
same kind, which Pillow decodes. Other files are decoded whole, up to the size that Pillow allows.
Needs numpy and Pillow alone: `infer.py`, which runs without this package, has a copy.
"""

import math
import struct
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO, Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, PngImagePlugin, TiffImagePlugin

Pixels = NDArray[np.uint8]
Convert = Callable[[Image.Image], Pixels]
"""A decoded image of any mode -> RGB HxWx3 of 8 bits."""

MOST_PIXELS = 2**26
"""Of a picture that is decoded at once, as 8192x8192: reading it takes a gigabyte."""
FORMATS = ("PNG", "JPEG", "BMP", "WEBP", "TIFF", "GIF")
"""No other format of Pillow is opened: some start programs (EPS runs Ghostscript)."""
_BAND = 2**22
"""Pixels that are decoded at once, if the file does not force more."""
_ORIENTATION = 274
_TURNED = range(2, 9)


class Bands(Protocol):
    """A picture as bands of rows."""

    size: tuple[int, int]
    """Height and width."""

    def rows(self, top: int, bottom: int) -> Pixels:
        """Return rows as RGB, hxWx3; `top` may not be above that of an earlier call."""


def bands_of(path: Path, convert: Convert) -> Bands:
    """Return a picture file as bands; raises `ValueError` or what Pillow raises.

    Args:
        path: The file.
        convert: Makes RGB of a decoded part.
    """
    with path.open("rb") as file:
        image = open_picture(file)
        layout: _Png | _Tiff | None = None
        if isinstance(image, PngImagePlugin.PngImageFile):
            layout = _Png.of(file)
        elif isinstance(image, TiffImagePlugin.TiffImageFile) and not _is_turned(image):
            layout = _Tiff.of(image)
    if layout is not None:
        return Sequential(layout.size, layout.bands(path, convert))
    return Whole(path, convert)


def is_large(path: Path) -> bool:
    """Whether a picture file has too many pixels to be decoded at once; raises as Pillow does."""
    with path.open("rb") as file:
        image = open_picture(file)
        return image.width * image.height > MOST_PIXELS


def _is_turned(image: Image.Image) -> bool:
    return image.getexif().get(_ORIENTATION, 1) in _TURNED


def open_picture(file: BinaryIO) -> Image.Image:
    """Open a picture; its own class for PNG and TIFF, which asks for no limit before it decodes."""
    start = file.read(8)
    file.seek(0)
    if start == b"\x89PNG\r\n\x1a\n":
        return PngImagePlugin.PngImageFile(file)
    if start[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
        return TiffImagePlugin.TiffImageFile(file)
    try:
        return Image.open(file, formats=FORMATS)
    except Image.DecompressionBombError:
        raise ValueError(
            f"has more than the {2 * (Image.MAX_IMAGE_PIXELS or 0) / 1e6:.0f} megapixels to which a"
            " picture of its kind is decoded; save it as PNG or TIFF, which are read in bands"
        ) from None


class Held:
    """A picture HxWx3 in memory."""

    def __init__(self, pixels: Pixels) -> None:
        self._pixels = pixels
        self.size = pixels.shape[0], pixels.shape[1]

    def rows(self, top: int, bottom: int) -> Pixels:
        """See `Bands`."""
        return self._pixels[top:bottom]


class Sequential:
    """Bands of rows that are decoded one after the other, of which the last ones are kept."""

    def __init__(self, size: tuple[int, int], decoded: Iterator[Pixels]) -> None:
        self.size = size
        self._decoded = decoded
        self._end = 0
        self._kept: list[tuple[int, Pixels]] = []
        self._last: tuple[int, int, Pixels] | None = None

    def rows(self, top: int, bottom: int) -> Pixels:
        """See `Bands`."""
        # The windows of a row ask for the same rows.
        if self._last is not None and self._last[:2] == (top, bottom):
            return self._last[2]
        self._kept = [(at, band) for at, band in self._kept if at + len(band) > top]
        while self._end < bottom:
            band = next(self._decoded)
            if self._end + len(band) > top:
                self._kept.append((self._end, band))
            self._end += len(band)
        if not self._kept or top < self._kept[0][0]:
            raise ValueError(f"rows {top} to {bottom} are above those that are kept")
        parts = [band[max(0, top - at) : max(0, bottom - at)] for at, band in self._kept]
        rows = np.concatenate(parts)
        self._last = top, bottom, rows
        return rows


class Whole:
    """A picture that is decoded at once, and converted in bands."""

    def __init__(self, path: Path, convert: Convert) -> None:
        with path.open("rb") as file:
            image = open_picture(file)
            pixels = image.width * image.height
            most = 2 * (Image.MAX_IMAGE_PIXELS or pixels)
            if pixels > most:
                raise ValueError(
                    f"has {pixels / 1e6:.0f} megapixels and cannot be read in bands (interlaced, "
                    f"turned, in planes or in one compressed piece), for which {most / 1e6:.0f} are"
                    " the most; save it anew as PNG or as TIFF in strips or tiles"
                )
            ImageOps.exif_transpose(image, in_place=True)
            image.load()
        self._image, self._convert = image, convert
        self.size = image.height, image.width

    def rows(self, top: int, bottom: int) -> Pixels:
        """See `Bands`."""
        return self._convert(self._image.crop((0, top, self._image.width, bottom)))


class _Png:
    """The head of a PNG that is not interlaced."""

    _CARRIERS = {1: 0, 2: 4, 3: 2, 4: 6}
    """By the bytes of a pixel, the kind of a PNG whose samples of 8 bits are as many."""
    _MAY_TURN = (b"eXIf", b"tEXt", b"zTXt", b"iTXt")
    """The chunks that may hold an orientation."""
    _SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}

    def __init__(self, head: bytes, kept: bytes, starts: Sequence[tuple[int, int]]) -> None:
        width, height, self._bits, self._colour = struct.unpack(">IIBB", head[:10])
        self.size = height, width
        self._kept = kept
        self._starts = starts
        pixel = self._bits * self._SAMPLES[self._colour]
        self._row = (width * pixel + 7) // 8
        self._pixel = max(1, pixel // 8)

    @classmethod
    def of(cls, file: BinaryIO) -> "_Png | None":
        """Read the head; None for a PNG that is not read in bands."""
        file.seek(8)
        head, kept, texts, starts = b"", b"", b"", []
        while len(start := file.read(8)) == 8:
            length, name = struct.unpack(">I4s", start)
            if name == b"IDAT":
                starts.append((file.tell(), length))
                file.seek(length + 4, 1)
                continue
            if name in (b"IEND", b"acTL"):
                break
            is_read = name in (b"IHDR", b"PLTE", b"tRNS", *cls._MAY_TURN)
            content = file.read(length) if is_read else b""
            file.seek(4 if is_read else length + 4, 1)
            head = content if name == b"IHDR" else head
            kept += _chunk(name, content) if name in (b"PLTE", b"tRNS") else b""
            texts += _chunk(name, content) if name in cls._MAY_TURN else b""
        is_interlaced = head[12:13] != b"\0"
        # The steps of filters are of whole pixels, and no carrier has pixels of 6 or 8 bytes.
        wide = head[8:9] == b"\x10" and head[9:10] in (b"\x02", b"\x06")
        if is_interlaced or wide or name != b"IEND":
            return None
        # Of a whole PNG, Pillow decodes all pixels to find this out.
        tiny = struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)
        with Image.open(_png(tiny, texts, b"\0\0"), formats=("PNG",)) as image:
            return None if _is_turned(image) else cls(head, kept, starts)

    def bands(self, path: Path, convert: Convert) -> Iterator[Pixels]:
        """Yield all rows in bands."""
        (height, width), step = self.size, max(1, _BAND // self.size[1])
        with path.open("rb") as file:
            filtered = self._filtered(file, step * (self._row + 1))
            above = bytes(self._row)
            for top in range(0, height, step):
                rows = min(step, height - top)
                band = self._unfiltered(above, next(filtered), rows)
                above = band[-1].tobytes()
                plain = np.zeros((rows, self._row + 1), np.uint8)
                plain[:, 1:] = band
                head = struct.pack(">IIBBBBB", width, rows, self._bits, self._colour, 0, 0, 0)
                with Image.open(_png(head, self._kept, plain.tobytes()), formats=("PNG",)) as image:
                    yield convert(image)

    def _filtered(self, file: BinaryIO, size: int) -> Iterator[bytes]:
        """Yield the decompressed rows, `size` bytes at a time."""
        inflate, waiting = zlib.decompressobj(), bytearray()
        for start, length in self._starts:
            file.seek(start)
            content = file.read(length)
            (checksum,) = struct.unpack(">I", file.read(4).ljust(4, b"\0"))
            if len(content) < length or zlib.crc32(b"IDAT" + content) != checksum:
                raise ValueError("is broken: a checksum is wrong")
            while content:
                try:
                    waiting += inflate.decompress(content, size - len(waiting))
                except zlib.error as error:
                    raise ValueError(
                        f"is broken: its stream cannot be unpacked ({error})"
                    ) from None
                content = inflate.unconsumed_tail
                if len(waiting) == size:
                    yield bytes(waiting)
                    waiting.clear()
        left = self.size[0] * (self._row + 1) % size
        if len(waiting) < left:
            raise ValueError("is cut off: rows are missing")
        yield bytes(waiting)
        raise ValueError("is cut off: rows are missing")

    def _unfiltered(self, above: bytes, filtered: bytes, rows: int) -> Pixels:
        """Undo the filters of rows below a row: by Pillow, as a picture of 8-bit samples."""
        colour = self._CARRIERS[self._pixel]
        head = struct.pack(
            ">IIBBBBB", self._row // self._pixel, rows + 1, 8, colour, 0, 0, 0
        )  # fmt: skip
        with Image.open(_png(head, b"", b"\0" + above + filtered), formats=("PNG",)) as image:
            return np.asarray(image).reshape(rows + 1, self._row)[1:]


def _png(head: bytes, kept: bytes, rows: bytes) -> BytesIO:
    content = _chunk(b"IDAT", zlib.compress(rows, 0))
    parts = [b"\x89PNG\r\n\x1a\n", _chunk(b"IHDR", head), kept, content, _chunk(b"IEND", b"")]
    return BytesIO(b"".join(parts))


def _chunk(name: bytes, content: bytes) -> bytes:
    checksum = struct.pack(">I", zlib.crc32(name + content))
    return struct.pack(">I", len(content)) + name + content + checksum


class _Tiff:
    """The layout of a TIFF in strips or tiles; its bands are small files of some of them."""

    _WIDTH, _LENGTH, _COMPRESSION, _PLANES, _TILE_WIDTH = 256, 257, 259, 284, 322
    _STRIPS, _TILES = (273, 279, 278), (324, 325, 323)
    """The tags of offsets, byte counts and rows."""
    _KEPT = (
        258, 259, 262, 266, 277, 284, 292, 293, 317, 320, 322, 323, 338, 339, 347,
        529, 530, 531, 532,
    )  # fmt: skip
    """Tags that say how samples are stored."""

    def __init__(self, tags: Mapping[int, Any], kinds: Mapping[int, int], order: str) -> None:
        self._tags, self._kinds, self._order = tags, kinds, order
        self.size = height, width = tags[self._LENGTH], tags[self._WIDTH]
        is_tiled = self._TILES[0] in tags
        self._names = self._TILES if is_tiled else self._STRIPS
        starts, counts = (_many(tags[name]) for name in self._names[:2])
        self.high = min(tags.get(self._names[2], height), height)
        self._across = math.ceil(width / tags[self._TILE_WIDTH]) if is_tiled else 1
        self._places = list(zip(starts, counts, strict=True))
        if len(self._places) == 1 and tags.get(self._COMPRESSION, 1) == 1 and not is_tiled:
            self._split()

    @classmethod
    def of(cls, image: TiffImagePlugin.TiffImageFile) -> "_Tiff | None":
        """Read the layout; None for a TIFF in planes, or with strips that are too high."""
        directory: Any = image.tag_v2
        tags = dict(directory)
        if tags.get(cls._PLANES, 1) != 1 or not any(
            tags.keys() >= {*names[:2]} for names in (cls._STRIPS, cls._TILES)
        ):
            return None
        tiff = cls(tags, directory.tagtype, "<" if directory.prefix == b"II" else ">")
        return tiff if tiff.high * tiff.size[1] <= MOST_PIXELS else None

    def _split(self) -> None:
        """Take one strip of plain rows as several."""
        (height, width), ((start, _),) = self.size, self._places
        row = (width * sum(_many(self._tags.get(258, 1))) + 7) // 8
        self.high = min(max(1, _BAND // width), height)
        self._places = [
            (start + top * row, min(self.high, height - top) * row)
            for top in range(0, height, self.high)
        ]

    def bands(self, path: Path, convert: Convert) -> Iterator[Pixels]:
        """Yield all rows in bands."""
        height, width = self.size
        lines = max(1, _BAND // (self.high * width))
        step = lines * self._across
        with path.open("rb") as file:
            for index in range(0, len(self._places), step):
                top = index // self._across * self.high
                parts = [_read(file, *place) for place in self._places[index : index + step]]
                content = self._file(parts, min(lines * self.high, height - top))
                with Image.open(content, formats=("TIFF",)) as image:
                    yield convert(image)

    def _file(self, parts: Sequence[bytes], rows: int) -> BytesIO:
        """Return a TIFF of some strips or tiles."""
        ends = np.cumsum([8, *map(len, parts)]).tolist()
        entries = {
            tag: (self._kinds[tag], self._tags[tag]) for tag in self._KEPT if tag in self._tags
        }
        starts, counts, high = self._names
        entries |= {
            self._WIDTH: (4, self.size[1]),
            self._LENGTH: (4, rows),
            starts: (4, ends[:-1]),
            counts: (4, [len(part) for part in parts]),
            high: (4, self.high),
        }
        packed = {tag: self._packed(*entries[tag]) for tag in sorted(entries)}
        values, directory = b"", struct.pack(f"{self._order}H", len(packed))
        for tag, (kind, count, content) in packed.items():
            directory += struct.pack(f"{self._order}HHI", tag, kind, count)
            if len(content) <= 4:
                directory += content.ljust(4, b"\0")
                continue
            directory += struct.pack(f"{self._order}I", ends[-1] + len(values))
            values += content + b"\0" * (len(content) % 2)
        mark = b"II*\0" if self._order == "<" else b"MM\0*"
        head = mark + struct.pack(f"{self._order}I", ends[-1] + len(values))
        return BytesIO(b"".join([head, *parts, values, directory, bytes(4)]))

    def _packed(self, kind: int, value: Any) -> tuple[int, int, bytes]:
        """Return the kind, the count and the bytes of a tag's value."""
        if isinstance(value, bytes):
            return kind, len(value), value
        values = _many(value)
        if kind == 5:
            pairs = [part for one in values for part in (one.numerator, one.denominator)]
            return kind, len(values), struct.pack(f"{self._order}{len(pairs)}I", *pairs)
        letter = {1: "B", 3: "H", 4: "I"}[kind]
        return kind, len(values), struct.pack(f"{self._order}{len(values)}{letter}", *values)


def _many(value: Any) -> Sequence[Any]:
    return value if isinstance(value, tuple | list) else [value]


def _read(file: BinaryIO, start: int, count: int) -> bytes:
    file.seek(start)
    content = file.read(count)
    if len(content) < count:
        raise ValueError("is cut off: rows are missing")
    return content
