"""Pictures to segment: read at once, or in bands of rows where they are too large for that."""

import mmap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from segformer.data.bands import Bands, Held, Pixels, Whole, bands_of, is_large, open_picture
from segformer.data.images import image_file_of
from segformer.data.load import load_image
from segformer.data.tiff import TiffFacts, check_bands, check_range, tiff_facts
from segformer.errors import DataError
from segformer.spec.sections.dataset import DatasetSegment


class LargePicture:
    """A picture file that is read in bands."""

    def __init__(self, path: Path, *, bits: int) -> None:
        """Read its head; raises `DataError`."""
        self._path, self._bits = path, bits
        with _explained(path):
            self._facts = _facts(path)
            self._first = self._opened()
        self.size = self._first.size

    def bands(self) -> Bands:
        """Return the picture from its first row on."""
        # What is decoded at once may be read again, and would take its memory twice.
        return _Explained(
            self._path, self._first if isinstance(self._first, Whole) else self._opened()
        )

    def _opened(self) -> Bands:
        return bands_of(
            self._path,
            lambda image: image_file_of(image, self._path, self._facts, bits=self._bits).pixels,
        )


class _Explained:
    """Bands whose errors are `DataError`s with the name of the file."""

    def __init__(self, path: Path, bands: Bands) -> None:
        self._path, self._bands = path, bands
        self.size = bands.size

    def rows(self, top: int, bottom: int) -> Pixels:
        """See `Bands`."""
        with _explained(self._path):
            return self._bands.rows(top, bottom)


def read_picture(path: Path, segment: DatasetSegment) -> Pixels | LargePicture:
    """Return a picture HxWxC, or as one that is read in bands of rows; raises `DataError`."""
    if segment.bands is not None:
        return load_image(path, segment).pixels
    try:
        large = is_large(path)
    except (OSError, SyntaxError, ValueError):
        large = False  # Reading it says what is wrong.
    if large:
        return LargePicture(path, bits=segment.image_bits)
    return load_image(path, segment).pixels


def bands_in(picture: Pixels | LargePicture) -> Bands:
    """Return a picture as bands, from its first row on."""
    return picture.bands() if isinstance(picture, LargePicture) else Held(picture)


def _facts(path: Path) -> TiffFacts | None:
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        facts = tiff_facts(content)
    if facts is None:
        _check_single(path)
        return None
    check_bands(facts, path)
    check_range(facts, path)
    if facts.needs_tifffile:
        raise DataError(
            f"{path}: stores its bands one after the other in {facts.bits} bits (planar), and is "
            "too large to be decoded at once; save the bands pixel by pixel"
        )
    if facts.pictures > 1:
        raise DataError(f"{path}: holds {facts.pictures} pictures; a file may hold one")
    return facts


def _check_single(path: Path) -> None:
    with path.open("rb") as file:
        image = open_picture(file)
        pictures = getattr(image, "n_frames", 1)
        # The first picture of an MPO, the JPEG of many phones, is the photograph.
        if pictures > 1 and image.format != "MPO":
            raise DataError(f"{path}: holds {pictures} pictures; a file may hold one")


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except DataError:
        raise
    except (OSError, SyntaxError, ValueError) as error:  # What Pillow raises, and `bands`.
        raise DataError(f"{path}: {error}") from None
