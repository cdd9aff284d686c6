"""Reads image and mask files of any mode into arrays."""

import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from segformer.data.bands import FORMATS, MOST_PIXELS
from segformer.data.channels import BandNumbers, chosen
from segformer.data.lossy import black_and_white
from segformer.data.tiff import (
    TiffFacts,
    check_bands,
    check_mask,
    check_range,
    nodata_of,
    read_by_tifffile,
    tiff_facts,
)
from segformer.errors import DataError

_SIXTEEN_BIT = ("I;16", "I;16B", "I;16L", "I;16N", "I")
_PALETTES = ("P", "PA")
_BANDED = ("L", "LA", "RGB", "RGBA", *_SIXTEEN_BIT)
"""Modes whose samples are bands; of the others the colours are."""
_LOSSY_TIFF = ("jpeg", "webp")
_COLOURS = {"L": "grey", "1": "black and white", "P": "palette", "LA": "grey with alpha"}
_METADATA = ("MAX_TEXT", "text chunk", "Decompressed data too large", "iCCP")
_BITS_PER_SAMPLE = 258
_ORIENTATION, UPRIGHT = 0x0112, 1
_TURN = "turned by"
"""The entry of Pillow's `info` that keeps the orientation, which turning takes away."""
TURNED = (5, 6, 7, 8)
"""Orientations that exchange height and width."""
WIDE_BITS = 16
"""Bits of a sample above 8; fewer may be in use, as of sensors of 10, 12 or 14 bits."""
_LARGEST_OF_WIDE = 2**WIDE_BITS - 1
LARGEST_VALUE = 2**20
"""Of a mask; no class, since it is beyond 16 bits, and exact as a 32-bit float."""
_NAMES_OF_SAMPLES = {"RGBA": "colour", "LA": "grey", "PA": "index"}
_CONVERTED = ("CMYK", "YCbCr", "LAB", "HSV")
"""Modes that become RGB by rounding."""
_OTHERS = {
    b"version https://git-lfs": "is a pointer of Git LFS, not the file: run git lfs pull",
    b"<!doctype html": "is a page of the web, as of a download that failed, and not an image",
    b"<html": "is a page of the web, as of a download that failed, and not an image",
}
"""What lies in the place of images now and then, by how it begins."""
NO_NUMBER = -1
"""The value of pixels that a GeoTIFF mask marks as no data by NaN, a fraction or less than 0."""


Colour = tuple[int, int, int]


@dataclass(frozen=True)
class MaskFile:
    """The content of a mask file, before it is interpreted."""

    values: NDArray[np.int32]
    """HxW for grey and indices, HxWx3 for colours; samples of fewer than 8 bits as stored."""
    bits: int = 8
    """Bits of a grey sample; 1, 2 and 4 mean that 1, 3 and 15 are white."""
    table: NDArray[np.int32] | None = None
    """The colours Nx3 of an index file."""
    nodata: int | None = None
    """The value that a GeoTIFF marks as no data, if pixels have it; `NO_NUMBER` for no number."""
    turn: int = UPRIGHT
    """The orientation by which it has been turned, as EXIF numbers them."""
    is_drawn: bool = False
    """Whether it was drawn from annotations, which were made as the image is seen."""
    is_lossy: bool = False
    """Whether it is black and white that lossy compression has changed, read as 0 and 255."""

    def used_table(self) -> frozenset[tuple[int, Colour]]:
        """Return the indices that are used, with their colours; none for other files."""
        if self.table is None:
            return frozenset()
        used = np.flatnonzero(np.bincount(self.values.ravel(), minlength=1))
        colours = self.table[used[used < len(self.table)]].tolist()
        pairs = zip(used.tolist(), colours, strict=False)
        return frozenset((index, (red, green, blue)) for index, (red, green, blue) in pairs)


@dataclass(frozen=True)
class ImageFile:
    """An image as RGB or as the bands that were asked for, and how it is stored."""

    pixels: NDArray[np.uint8]
    """HxWx3, or HxWxC of C bands."""
    kind: str
    """As "8-bit RGB", "16-bit grey" or "16-bit 5-band"."""
    largest: int | None = None
    """The largest value of an image of 16 bits."""
    is_scaled: bool = False
    """Whether the bits in use scale it."""
    turn: int = UPRIGHT
    """The orientation by which it has been turned, as EXIF numbers them."""


def read_image(
    path: Path, *, bits: int = WIDE_BITS, bands: BandNumbers | None = None
) -> NDArray[np.uint8]:
    """Return an image as RGB, HxWx3, or as bands; see `read_image_file`."""
    return read_image_file(path, bits=bits, bands=bands).pixels


def read_image_file(
    path: Path, *, bits: int = WIDE_BITS, bands: BandNumbers | None = None
) -> ImageFile:
    """Return an image, rotated by its orientation: as RGB without alpha, or as some of its bands.

    16-bit grey, and bands of 16 bits, are scaled from 0..2^bits - 1, and what is above is white.
    Raises `DataError` for a file that cannot be read, lacks a band, or has no known range
    (fractions, signed or 32-bit values).
    """
    content = _content(path)
    facts = tiff_facts(content)
    if bands == "any" and not (facts is not None and facts.has_unknown_bands):
        bands = None
    if facts is not None:
        if bands is None:
            check_bands(facts, path)
        check_range(facts, path)
        check_pixels(facts.pixels, path)
        if bands is None and facts.needs_tifffile:
            return _wide(_by_tifffile(content, facts, path), path, facts, bits)
    if bands is not None:
        return _of_bands(path, content, facts, bits=bits, bands=bands)
    with _opened(path, content) as image:
        depth = WIDE_BITS if _is_wide(image, content, facts) else 8
        read = image_file_of(image, path, facts, depth=depth, bits=bits)
        return replace(read, turn=image.info[_TURN])


def image_file_of(
    image: Any, path: Path, facts: TiffFacts | None, *, depth: int = 8, bits: int = WIDE_BITS
) -> ImageFile:
    """Return a decoded image, or a part of one, as RGB; see `read_image_file`."""
    if image.mode in _SIXTEEN_BIT:
        return _wide(np.asarray(image), path, facts, bits)
    if image.mode == "F":
        raise DataError(f"{path}: is a 32-bit float image, whose range is not known")
    kind = f"{depth}-bit {_COLOURS.get(image.mode, image.mode)}"
    if image.mode in ("RGBA", "LA", "PA"):
        # Pillow drops alpha in steps; the colour below alpha 0 is kept.
        image = image.convert({"RGBA": "RGB", "LA": "L", "PA": "RGBA"}[image.mode])
    pixels = np.asarray(image.convert("RGB"))
    # Pillow keeps the upper byte of 16 bits.
    return ImageFile(pixels, kind, int(pixels.max()) * 257 if depth == WIDE_BITS else None)


def read_mask(path: Path) -> MaskFile:
    """Return the content of a mask file.

    Raises `DataError` for a file that cannot be read, holds fractions or has lossy compression (but
    for black and white), and for one whose values or colours would be changed by reading it.
    """
    content = _content(path)
    facts = tiff_facts(content)
    if facts is not None:
        check_mask(facts, path)
    with _opened(path, content) as image:
        if _is_lossy(image, content):
            lossy = black_and_white(np.asarray(image.convert("RGB")))
            if lossy is not None:
                return MaskFile(lossy, turn=image.info[_TURN], is_lossy=True)
            raise DataError(
                f"{path}: has lossy compression ({image.format}), which changes the values of a "
                "mask; save masks as PNG, from their source"
            )
        if image.mode in _CONVERTED:
            raise DataError(
                f"{path}: holds colours as {image.mode}, which are rounded on the way to RGB; save "
                "masks as PNG, in RGB or grey"
            )
        if image.mode not in _SIXTEEN_BIT and _is_wide(image, content, facts):
            raise DataError(
                f"{path}: holds colours, or grey with transparency, of {WIDE_BITS} bits, of which 8"
                " would be read, so that values may become one; save masks with 8 bits"
            )
        _check_transparency(image, path)
        bits = _grey_bits(image, content)
        table = _table(image) if image.mode in _PALETTES else None
        nodata, turn = nodata_of(image), image.info[_TURN]
        if image.mode == "F":
            return _whole(np.asarray(image), nodata, path)
        if image.mode in ("LA", "PA"):
            image = image.getchannel(0)
        if image.mode not in ("1", "L", "P", "RGB", *_SIXTEEN_BIT):
            image = image.convert("RGB")
        values: NDArray[np.int32] = np.asarray(image).astype(np.int32)
        if 1 < bits < 8:
            values //= 255 // (2**bits - 1)  # Pillow has stretched them to 0..255.
        if facts is not None and facts.is_signed_byte:
            values = values.astype(np.int8).astype(np.int32)  # Pillow takes -1 for 255.
        if nodata is None and _is_black_and_white_of_16_bits(values):
            values //= _LARGEST_OF_WIDE // 255
        return MaskFile(values, bits, table, _occurring(nodata, values), turn)


def _is_black_and_white_of_16_bits(values: NDArray[np.int32]) -> bool:
    is_white = values == _LARGEST_OF_WIDE
    return bool(is_white.any()) and bool((is_white | (values == 0)).all())


def _check_transparency(image: Any, path: Path) -> None:
    """Raise `DataError` if the alpha of a mask says what its colour does not."""
    if image.mode not in ("RGBA", "LA", "PA"):
        return
    low, high = image.getchannel("A").getextrema()
    if low == high:
        return
    samples = np.asarray(image).astype(np.int64)
    codes = (samples << (8 * np.arange(samples.shape[-1]))).sum(axis=-1)  # Alpha is the highest.
    both = np.unique(codes)
    colours, counts = np.unique(both & (1 << 8 * (samples.shape[-1] - 1)) - 1, return_counts=True)
    if counts.max() > 1:
        code = int(colours[counts.argmax()])
        colour = [code >> 8 * i & 255 for i in range(samples.shape[-1] - 1)]
        raise DataError(
            f"{path}: has pixels of the {_NAMES_OF_SAMPLES[image.mode]} {_plain(colour)} that "
            "differ in transparency (alpha), which is not read; save masks without alpha"
        )


def _plain(colour: list[int]) -> str:
    return str(colour if len(colour) > 1 else colour[0])


def _occurring(nodata: float | None, values: NDArray[np.int32]) -> int | None:
    is_there = nodata is not None and nodata.is_integer() and bool((values == nodata).any())
    return int(nodata) if nodata is not None and is_there else None


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error})") from None


def _open(source: Path | BytesIO) -> Image.Image:
    with warnings.catch_warnings():
        # Pillow warns of large pictures, which are refused in our own words.
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        return Image.open(source, formats=FORMATS)


@contextmanager
def _opened(path: Path, content: bytes) -> Iterator[Any]:
    """Yield the decoded image; what Pillow raises becomes a `DataError`."""
    try:
        with _open(BytesIO(content)) as image:
            # Pillow decodes a PNG of wrong checksums without a word; this alone compares them.
            check_pixels(image.width * image.height, path)
            image.verify()
        with _open(BytesIO(content)) as image:
            if (pictures := _pictures(image, content)) > 1:
                raise DataError(_more_pictures(path, pictures))
            image.load()
            turn = image.getexif().get(_ORIENTATION, UPRIGHT)
            ImageOps.exif_transpose(image, in_place=True)
            image.info[_TURN] = turn
            yield image
    except DataError:
        raise
    except UnidentifiedImageError:
        raise DataError(f"{path}: {_unidentified(content)}") from None
    except Image.DecompressionBombError as error:
        pixels = re.search(r"\d+", str(error))
        check_pixels(int(pixels.group()) if pixels else MOST_PIXELS + 1, path)
    except (OSError, SyntaxError, ValueError) as error:
        raise DataError(f"{path}: cannot be read ({error}){_way_out(error)}") from None


def _more_pictures(path: Path, count: int) -> str:
    way_out = " (automl data import makes a file of each)" if _is_tiff(path) else ""
    return f"{path}: holds {count} pictures; a file may hold one{way_out}"


def pictures_in(path: Path) -> int:
    """Return how many pictures a TIFF holds, 1 for other files and for what is no image."""
    if not _is_tiff(path):
        return 1
    try:
        with _open(path) as image:
            return _pictures(image, path.read_bytes())
    except (OSError, SyntaxError, ValueError):
        return 1


def _is_tiff(path: Path) -> bool:
    return path.suffix.lower() in (".tif", ".tiff")


def _pictures(image: Any, content: bytes) -> int:
    """Return how many pictures a file holds; smaller copies of one (overviews) are no others."""
    if image.format == "MPO":
        return 1  # The JPEG of many phones; the first picture is the photograph.
    if image.format == "TIFF" and (facts := tiff_facts(content)):
        return facts.pictures
    return int(getattr(image, "n_frames", 1))


def _unidentified(content: bytes) -> str:
    if not content:
        return "is not an image: it is empty (0 bytes)"
    facts = tiff_facts(content)
    if facts is None:
        start = content[:64].lstrip().lower()
        is_other = next((text for word, text in _OTHERS.items() if start.startswith(word)), "")
        return is_other or "is not an image (PNG, JPEG, BMP, WebP, TIFF, GIF)"
    return (
        f"is a TIFF of a kind that is not read ({facts.bits} bits, {facts.samples} bands, "
        f"photometric {facts.photometric}); save it as PNG or as a plain TIFF"
    )


def check_pixels(pixels: int, where: object) -> None:
    """Raise `DataError` for a picture that is too large to be decoded."""
    if pixels > MOST_PIXELS:
        raise DataError(
            f"{where}: {pixels / 1e6:.0f} megapixels are more than the {MOST_PIXELS / 1e6:.0f} "
            "that are read; cut the image into tiles"
        )


def _way_out(error: Exception) -> str:
    is_metadata = any(word in str(error) for word in _METADATA)
    return "; its metadata is too large: save the image anew without it" if is_metadata else ""


def _is_lossy(image: Any, content: bytes) -> bool:
    if image.format == "WEBP":
        return b"VP8 " in content[:4096]  # The chunk of the lossy coder; VP8L is the other.
    if image.format == "TIFF":
        return image.info.get("compression") in _LOSSY_TIFF
    return image.format in ("JPEG", "MPO")


def _grey_bits(image: Any, content: bytes) -> int:
    """Return the bits of a grey sample as stored: Pillow widens 2 and 4 bits to 8."""
    if image.mode == "1":
        return 1
    if image.mode == "L" and image.format == "PNG":
        return content[24]  # The bit depth of IHDR, which comes first in every PNG.
    if image.mode == "L" and image.format == "TIFF":
        return int(image.tag_v2.get(_BITS_PER_SAMPLE, (8,))[0])
    return 8


def _table(image: Any) -> NDArray[np.int32]:
    colours = image.getpalette("RGB") or []
    return np.array(colours, dtype=np.int32).reshape(-1, 3)


def _is_wide(image: Any, content: bytes, facts: TiffFacts | None) -> bool:
    if image.format == "PNG":
        return content[24] == WIDE_BITS
    return facts is not None and facts.bits == WIDE_BITS


def _by_tifffile(content: bytes, facts: TiffFacts, path: Path) -> NDArray[Any]:
    if facts.pictures > 1:
        raise DataError(_more_pictures(path, facts.pictures))
    return read_by_tifffile(content, path)


def _of_bands(
    path: Path, content: bytes, facts: TiffFacts | None, *, bits: int, bands: BandNumbers
) -> ImageFile:
    """Return bands of a file; a picture has those of grey or RGB, and its alpha as the last."""
    has_8_bits_of_16 = False
    if facts is None or facts.is_read_whole_by_pillow:
        with _opened(path, content) as image:
            if image.mode == "F":
                raise DataError(f"{path}: is a 32-bit float image, whose range is not known")
            has_8_bits_of_16 = image.mode not in _SIXTEEN_BIT and _is_wide(image, content, facts)
            values = np.asarray(
                image
                if image.mode in _BANDED
                else image.convert("L" if image.mode == "1" else "RGB")
            )
    else:
        values = _by_tifffile(content, facts, path)
    values = chosen(values if values.ndim == 3 else values[..., None], bands, path)
    count = values.shape[2]
    if values.dtype == np.uint8:
        largest = int(values.max()) * 257 if has_8_bits_of_16 else None
        depth = WIDE_BITS if has_8_bits_of_16 else 8
        return ImageFile(values, f"{depth}-bit {count}-band", largest)
    pixels = _scaled(values, path, facts, bits)
    return ImageFile(pixels, f"{WIDE_BITS}-bit {count}-band", int(values.max()), is_scaled=True)


def _scaled(
    values: NDArray[Any], path: Path, facts: TiffFacts | None, bits: int
) -> NDArray[np.uint8]:
    """Return samples of 16 bits as 8, white as 255."""
    _check_16_bits(values, path)
    # By a table: the numbers of a large picture would take gigabytes as floats.
    steps = np.arange(_LARGEST_OF_WIDE + 1) / ((2**bits - 1) / 255)
    scaled: NDArray[np.uint8] = np.round(steps).clip(0, 255).astype(np.uint8)[values]
    return 255 - scaled if facts is not None and facts.is_white_zero else scaled


def _check_16_bits(values: NDArray[Any], path: Path) -> None:
    if values.min() < 0 or values.max() > _LARGEST_OF_WIDE:
        raise DataError(f"{path}: is a 32-bit image, whose range is not known")


def _wide(values: NDArray[Any], path: Path, facts: TiffFacts | None, bits: int) -> ImageFile:
    """Scale grey of 16 bits, or the colours of planes, to 8 bits."""
    _check_16_bits(values, path)
    if values.ndim == 3 and values.shape[2] > 2:
        largest = int(values.max())
        # The upper byte, as Pillow reads the same colours when they are stored pixel by pixel.
        colour = (values[..., :3].astype(np.uint16) >> 8).astype(np.uint8)
        return ImageFile(colour, f"{WIDE_BITS}-bit RGB", largest)
    grey = values if values.ndim == 2 else values[..., 0]
    pixels = np.repeat(_scaled(grey, path, facts, bits)[..., None], 3, axis=2)
    return ImageFile(pixels, f"{WIDE_BITS}-bit grey", int(grey.max()), is_scaled=True)


def _whole(values: NDArray[Any], nodata: float | None, path: Path) -> MaskFile:
    """Return a mask of fractions that are whole numbers, but for pixels without data."""
    if nodata is not None:
        is_empty = np.isnan(values) if np.isnan(nodata) else values == np.float32(nodata)
        if is_empty.any() and not (nodata.is_integer() and 0 <= nodata <= LARGEST_VALUE):
            values, nodata = np.where(is_empty, NO_NUMBER, values), float(NO_NUMBER)
    whole = np.nan_to_num(values, nan=-1.0, posinf=-1.0, neginf=-1.0).clip(-1, LARGEST_VALUE)
    if (wrong := values[whole != np.round(values)]).size:
        raise DataError(
            f"{path}: is a float mask that holds {wrong[0]:g}; class values are whole numbers from "
            "0 to 255: if it marks pixels without data, say so in the file (GDAL_NODATA), or save "
            'them as a value that dataset.json has as "ignore"'
        )
    numbers: NDArray[np.int32] = whole.astype(np.int32)
    return MaskFile(numbers, nodata=_occurring(nodata, numbers))


def image_size(path: Path) -> tuple[int, int]:
    """Return height and width of an image; raises `DataError` for a file that cannot be read."""
    try:
        with _open(path) as image:  # Its head alone is read.
            turned = image.getexif().get(_ORIENTATION, 1) in TURNED
            return (image.width, image.height) if turned else (image.height, image.width)
    except (OSError, SyntaxError, ValueError):
        height, width = read_image(path, bands="any").shape[:2]
        return height, width
