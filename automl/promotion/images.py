"""The images of a prediction: files, folders, patterns and URLs, linked into one folder."""

import glob
import http.client
import logging
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path

from automl.errors import Fault, UsageError
from automl.version import __version__

_log = logging.getLogger(__name__)
_SCHEMES = ("http://", "https://")
_MOST_BYTES = 2**30
_TIMEOUT_S = 60.0
_LONGEST_NAME = 200
"""Bytes; file systems allow 255, and results add a suffix."""


def gathered(images: Sequence[str], folder: Path) -> dict[str, str]:
    """Put images into a folder, by links or downloads; return the user's name of each by its path.

    One whose result would overwrite an earlier one's gets a number. Raises `UsageError` naming all
    that cannot be had.
    """
    names: dict[str, str] = {}
    stems: dict[str, str] = {}
    faults: list[Fault] = []
    for image in images:
        try:
            sources = list(_sources(image))
        except UsageError as error:
            faults += error.faults
            continue
        except OSError as error:  # Such as a folder that may not be read, or a name too long.
            faults += _refused(image, f"cannot be read ({error.strerror})").faults
            continue
        for source in sources:
            try:
                place = folder / _free_name(source, stems)
                names[str(place)] = _put(source, place)
            except UsageError as error:
                faults += error.faults
    if faults:
        raise UsageError(*faults)
    return names


def _refused(image: str, why: str) -> UsageError:
    return UsageError(Fault(f"{image or repr(image)}: {why}", key="images", value=image))


def _is_url(image: str) -> bool:
    return image.lower().startswith(_SCHEMES)


def _sources(image: str) -> Iterator[str]:
    """Yield the files, or the URL, that an argument means."""
    path = Path(image)
    if not image:  # The path of an empty text is the working directory.
        raise _refused(image, "name an image, a folder, a pattern or a URL")
    if _is_url(image):
        yield image
    elif path.is_dir():
        for inner in sorted(path.iterdir()):
            if inner.is_dir():
                _log.warning("%s is a folder within a folder and is skipped", inner)
            else:
                yield str(inner)
    elif path.exists():
        yield image
    elif glob.has_magic(image):
        found = sorted(each for each in glob.glob(image, recursive=True) if Path(each).is_file())  # noqa: PTH207
        if not found:
            raise _refused(image, "matches no file")
        yield from found
    elif "://" in image:
        raise _refused(image, "give a URL that begins with http:// or https://")
    else:
        raise _refused(image, "no such image or folder")


def _free_name(source: str, stems: dict[str, str]) -> str:
    """Return a file name whose stem no earlier image has."""
    name = _name_of_url(source) if _is_url(source) else Path(source).name
    own, suffix = Path(name).stem, Path(name).suffix
    stem, number = own, 2
    while stem in stems:
        stem, number = f"{own}_{number}", number + 1
    if stem != own:
        _log.warning("%s: its results are named %s; %s has %s", source, stem, stems[own], own)
    stems[stem] = source
    return f"{stem}{suffix}"


def _name_of_url(url: str) -> str:
    """Return the file name at the end of a URL; raises `UsageError` if there is none."""
    try:
        parts = urllib.parse.urlsplit(url)
        _ = parts.port  # Raises for one above 65535.
        name = Path(urllib.parse.unquote(parts.path)).name
    except ValueError as error:
        raise _refused(url, f"is no URL ({error})") from None
    if name in ("", "..") or not name.isprintable() or len(name.encode()) > _LONGEST_NAME:
        raise _refused(
            url,
            "the path of the URL must end with the name of a file, of up to "
            f"{_LONGEST_NAME} bytes; download the image first",
        )
    return name


def _put(source: str, place: Path) -> str:
    if not _is_url(source):
        place.symlink_to(Path(source).resolve())
        return str(Path(source).absolute())
    agent = {"User-Agent": f"automl/{__version__}"}  # Some servers refuse Python's own.
    try:
        request = urllib.request.Request(source, headers=agent)
        with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as answer:
            content = answer.read(_MOST_BYTES + 1)
            missing = getattr(answer, "length", None)  # What the announced length lacks.
    except (OSError, ValueError, http.client.HTTPException) as error:
        if isinstance(error, urllib.error.HTTPError):
            error.close()
        reason = " ".join(str(error).split())
        raise _refused(source, f"cannot be fetched ({reason})") from None
    if len(content) > _MOST_BYTES:
        raise _refused(source, f"is larger than {_MOST_BYTES / 2**30:g} GB; download it first")
    if missing:
        raise _refused(source, f"cannot be fetched (it ends {missing} bytes too early)")
    place.write_bytes(content)
    return source
