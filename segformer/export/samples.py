"""The bands of an image file, for `infer.py`: by Pillow, and of many bands by tifffile."""

from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

WIDE_MODES = ("I;16", "I;16B", "I;16L", "I;16N", "I")
"""Pillow's modes of grey of 16 bits."""
_WHITE = 2**16 - 1
_TIFF_BITS, _TIFF_PHOTOMETRIC, _TIFF_ORIENTATION, _TIFF_SAMPLES = 258, 262, 274, 277
_TIFF_SUBFILE, _TIFF_COMPRESSION, _TIFF_PLANES, _TIFF_EXTRA = 254, 259, 284, 338
_REDUCED_OR_MASK = 1 | 4


def read_bands(source: Path | BinaryIO, bands: list[int], bits: int) -> NDArray[np.uint8]:
    """Return bands HxWxC of a file in 8 bits, upright; of 16 bits `bits` are in use."""
    values, is_negative = _all_bands(source)
    if max(bands) >= values.shape[2]:
        raise ValueError(f"has {values.shape[2]} bands, but the model takes {bands} of 0, 1...")
    return scaled_to_8_bits(values[..., bands], bits, is_negative=is_negative)


def check_picture(image: Any) -> None:
    """Raise `ValueError` for a file that Pillow reads in part, or wrongly."""
    _check_colours(image)
    _check_single(image)


def _check_single(image: Any) -> None:
    """Raise `ValueError` for a file of several pictures; overviews and masks are no others."""
    pictures = 1 if image.format == "MPO" else getattr(image, "n_frames", 1)
    if image.format == "TIFF" and pictures > 1:
        others = range(1, pictures)
        pictures = 1
        for index in others:
            image.seek(index)
            pictures += not image.tag_v2.get(_TIFF_SUBFILE, 0) & _REDUCED_OR_MASK
        image.seek(0)
    _check_count(pictures)


def _check_colours(image: Any) -> None:
    """Raise `ValueError` for a TIFF whose bands Pillow drops or mixes up."""
    if image.format != "TIFF":
        return
    tags = image.tag_v2
    samples, bits = tags.get(_TIFF_SAMPLES, 1), tags.get(_TIFF_BITS, (1,))[0]
    photometric, extra = tags.get(_TIFF_PHOTOMETRIC, 1), (tags.get(_TIFF_EXTRA) or (None,))[0]
    is_unknown_fourth = photometric == 2 and samples == 4 and extra == 0
    is_unknown_second = photometric in (0, 1) and samples > 1 + (extra in (1, 2))
    if samples > 4 or is_unknown_fourth or is_unknown_second:
        raise ValueError(f"holds {samples} bands, neither grey nor RGB")
    # Pillow takes plain planes of 16 bits for planes of 8.
    is_plain = tags.get(_TIFF_COMPRESSION, 1) == 1
    if is_plain and tags.get(_TIFF_PLANES, 1) == 2 and samples > 1 and bits > 8:
        raise ValueError(
            f"stores its bands one after the other in {bits} bits (planar); save them by pixel"
        )


def _check_count(pictures: int) -> None:
    if pictures > 1:
        raise ValueError(f"holds {pictures} pictures; a file may hold one")


def is_negative_of(image: Any) -> bool:
    """Whether 0 is white in a TIFF of 16 bits; Pillow inverts those of 8."""
    is_wide_tiff = image.format == "TIFF" and image.mode in WIDE_MODES
    return is_wide_tiff and image.tag_v2.get(_TIFF_PHOTOMETRIC) == 0


def scaled_to_8_bits(values: NDArray[Any], bits: int, *, is_negative: bool) -> NDArray[np.uint8]:
    """Return samples of any shape in 8 bits: 0..2^bits - 1 as 0..255, what is above as 255."""
    if values.dtype == np.uint8:
        return 255 - values if is_negative else values
    if values.dtype.kind == "f" or values.min() < 0 or values.max() > _WHITE:
        raise ValueError("is an image of 32 bits or of fractions, whose range is not known")
    steps = np.round(np.arange(_WHITE + 1) / ((2**bits - 1) / 255)).clip(0, 255).astype(np.uint8)
    scaled: NDArray[np.uint8] = steps[values]
    return 255 - scaled if is_negative else scaled


def _all_bands(source: Path | BinaryIO) -> tuple[NDArray[Any], bool]:
    """Return all bands HxWxC of a file, alpha as the last; and whether 0 is white."""
    try:
        with Image.open(source) as opened:
            _check_single(opened)
            if opened.format != "TIFF" or _is_whole(opened):
                image: Image.Image = ImageOps.exif_transpose(opened)
                if image.mode == "F":
                    raise ValueError("is an image of fractions, whose range is not known")
                if image.mode not in ("L", "LA", "RGB", "RGBA", *WIDE_MODES):
                    image = image.convert("L" if image.mode == "1" else "RGB")
                values = np.asarray(image)
                values = values if values.ndim == 3 else values[..., None]
                return values, is_negative_of(opened)
    except UnidentifiedImageError:
        pass  # A TIFF of more bands than Pillow knows.
    return _bands_of_tiff(source)


def _is_whole(image: Any) -> bool:
    """Whether Pillow gives all bands of a TIFF with all their bits."""
    samples, bits = image.tag_v2.get(_TIFF_SAMPLES, 1), image.tag_v2.get(_TIFF_BITS, (1,))
    return samples == 1 or (samples == 3 and image.mode in ("RGB", "YCbCr") and bits[0] <= 8)


def _bands_of_tiff(source: Path | BinaryIO) -> tuple[NDArray[Any], bool]:
    try:
        import tifffile
    except ImportError:
        raise ValueError("is a TIFF of many bands, which needs: pip install tifffile") from None
    if not isinstance(source, Path):
        source.seek(0)
    compression = "of its kind"
    try:
        with tifffile.TiffFile(source) as file:
            pages: list[Any] = list(file.pages)
            if not pages:
                raise ValueError("is broken: it holds no picture")
            page = pages[0]
            compression = page.compression.name
            others = [each for each in pages[1:] if not each.subfiletype & _REDUCED_OR_MASK]
            _check_count(1 + len(others))
            values: NDArray[Any] = page.asarray()
            tag, is_negative = page.tags.get(_TIFF_ORIENTATION), page.photometric == 0
    except Exception as error:  # tifffile's decoders raise what they like.
        if isinstance(error, ImportError) or "imagecodecs" in str(error):
            raise ValueError(
                f"compression {compression} needs another library: pip install imagecodecs"
            ) from None
        raise ValueError(str(error) or type(error).__name__) from None
    if values.ndim == 2:
        values = values[..., None]
    elif page.planarconfig == 2:
        values = values.transpose(1, 2, 0)
    turn = int(tag.value) if tag else 1
    values = values.transpose(1, 0, 2) if turn in (5, 6, 7, 8) else values
    values = values[::-1] if turn in (3, 4, 7, 8) else values
    return (values[:, ::-1] if turn in (2, 3, 6, 7) else values), is_negative
