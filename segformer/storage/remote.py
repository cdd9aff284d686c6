"""Files behind s3://, gs://, http:// and https://, listed and fetched through fsspec."""

import hashlib
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import fsspec

from segformer.errors import DataError, SkillError
from segformer.storage.location import Location, redacted

SUMS = "SHA256SUMS"
"""What `sha256sum FILES > SHA256SUMS` writes; on an HTTP server it stands for a listing."""

STREAMS = 8
"""Files fetched at once."""

_TRIES = 3
_PAUSE_S = 0.5
_EXTRAS = {"s3": ("s3fs", "remote"), "gs": ("gcsfs", "gs")}
_HELP = {
    "s3": "credentials are AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE; "
    "AWS_ENDPOINT_URL names another server",
    "gs": "credentials are GOOGLE_APPLICATION_CREDENTIALS",
}
_TIMES = {"connect_timeout": 15, "read_timeout": 60, "retries": {"max_attempts": 4}}


@dataclass(frozen=True)
class RemoteFile:
    """A file below a location."""

    name: str
    """Its path below the location, "" for the location itself."""
    size: int | None
    tag: str
    """Changes with the content: an ETag, a time, or the content's own SHA-256."""

    @property
    def sha256(self) -> str | None:
        """The content's SHA-256 where the server told it."""
        return self.tag.removeprefix("sha256:") if self.tag.startswith("sha256:") else None


class _BrokenOffError(DataError):
    """What may go better a second time."""


class Store:
    """A location and the connection to it; every error is a `DataError` without secrets."""

    def __init__(self, location: Location) -> None:
        if location.is_hidden:
            raise DataError(
                f"{location.clean}: the query of this address was taken for a secret and not kept; "
                "to fetch the data again, run a command with the whole address"
            )
        self.location = location
        with _errors_explained(location):
            self._files = self._connected()

    def files(self, parts: tuple[str, ...]) -> list[RemoteFile]:
        """Return the files below the location whose path is, or is below, one of `parts`.

        The part "" means everything, and the location itself if it is a file.
        """
        with _errors_explained(self.location):
            found = self._sums() if self._is_http else None
            if found is None:
                found = [file for part in parts for file in self._listed(part)]
            wanted = [f for f in found if any(_is_within(f.name, part) for part in parts)]
        for file in wanted:
            _check_name(file.name, self.location)
        return sorted(wanted, key=lambda file: file.name)

    def fetch(self, file: RemoteFile, path: Path) -> None:
        """Write a file to `path`; what broke off is tried again."""
        for tries_left in reversed(range(_TRIES)):
            try:
                with _errors_explained(self.location):
                    self._files.get_file(self._address(file.name), str(path))
                return
            except _BrokenOffError:
                if not tries_left:
                    raise
                time.sleep(_PAUSE_S * (_TRIES - tries_left))

    @property
    def _is_http(self) -> bool:
        return self.location.scheme in ("http", "https")

    def _connected(self) -> Any:
        location, options = self.location, dict[str, Any]()
        if location.scheme == "s3":
            if location.user:
                options = {"key": location.user, "secret": location.password}
            options["anon"] = not location.user and not _has_aws_credentials()
            options["config_kwargs"] = _TIMES
        elif self._is_http and location.user:
            from aiohttp import BasicAuth

            options["client_kwargs"] = {"auth": BasicAuth(location.user, location.password)}
        return fsspec.filesystem(
            location.scheme, skip_instance_cache=True, use_listings_cache=False, **options
        )

    def _address(self, name: str) -> str:
        place = "/".join(
            filter(None, (self.location.place, quote(name) if self._is_http else name))
        )
        if not self._is_http:
            return place
        query = f"?{self.location.query}" if self.location.query else ""
        return f"{self.location.scheme}://{place}{query}"

    def _listed(self, part: str) -> list[RemoteFile]:
        if self._is_http:
            return self._listed_by_links(part)
        base = self._address(part)
        found = self._files.find(base, detail=True)
        cut = len(self.location.place)
        return [
            RemoteFile(path[cut:].strip("/"), info["size"], _tag(info))
            for path, info in found.items()
            if info["type"] == "file" and not path.endswith("/")
        ]

    def _sums(self) -> list[RemoteFile] | None:
        try:
            text = self._files.cat_file(self._address(SUMS)).decode("utf-8")
        except FileNotFoundError:
            return None
        files = []
        for line in text.splitlines():
            sha256, _, name = line.partition(" ")
            if len(sha256) != 64:
                raise DataError(f"{self.location.clean}/{SUMS}: {line[:80]!r} is no line of it")
            files.append(RemoteFile(name[1:].removeprefix("./"), None, f"sha256:{sha256}"))
        return files

    def _listed_by_links(self, part: str) -> list[RemoteFile]:
        """Follow the links of the pages that a server makes of its folders."""
        base = f"{self._address('')}/"
        names, todo = [], [part]
        while todo:
            folder = todo.pop()
            page = base + quote(folder) + ("/" if folder else "")
            try:
                links = self._files.ls(page, detail=False)
            except FileNotFoundError:
                names.append(folder)  # A file without a slash, or nothing: its size will tell.
                continue
            below = {link for link in links if link.startswith(page) and link != page}
            plain = {unquote(link.removeprefix(base)) for link in below if "?" not in link}
            todo += [name.rstrip("/") for name in plain if name.endswith("/")]
            names += [name for name in plain if not name.endswith("/")]
        with ThreadPoolExecutor(STREAMS) as pool:
            return [file for file in pool.map(self._asked, sorted(names)) if file]

    def _asked(self, name: str) -> RemoteFile | None:
        try:
            info = self._files.info(self._address(name))
        except FileNotFoundError:
            return None
        return RemoteFile(name, info.get("size"), _tag(info))


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _tag(info: dict[str, Any]) -> str:
    for name in ("ETag", "etag", "md5Hash", "crc32c", "LastModified", "mtime", "updated"):
        if info.get(name):
            return str(info[name]).strip('"')
    return ""


def _is_within(name: str, part: str) -> bool:
    return part in ("", name) or name.startswith(f"{part}/")


def _check_name(name: str, location: Location) -> None:
    """Nothing is written outside the cache, whatever a server calls its files."""
    parts = name.split("/")
    if name and ("\\" in name or "\0" in name or any(p in ("", ".", "..") for p in parts)):
        raise DataError(f"{location.clean}: holds a file {name!r}, which is no path")


def _has_aws_credentials() -> bool:
    from botocore.session import Session

    return Session().get_credentials() is not None


@contextmanager
def _errors_explained(location: Location) -> Iterator[None]:
    where, advice = (
        location.clean,
        _HELP.get(location.scheme, "give user:password@ before the host"),
    )
    try:
        yield
    except SkillError:
        raise
    except ImportError:
        library, extra = _EXTRAS.get(location.scheme, ("aiohttp", "remote"))
        raise DataError(
            f"{where}: {location.scheme}:// needs {library}; "
            f"install it with: pip install -e '.[{extra}]'"
        ) from None
    except FileNotFoundError:
        raise DataError(f"{where}: there is nothing of that name") from None
    except PermissionError as error:
        raise DataError(
            f"{where}: access is refused ({_told(error, location)}); {advice}"
        ) from None
    except Exception as error:  # A file system of fsspec raises whatever its libraries raise.
        text = f"{where}: cannot be read ({_told(error, location)}); {advice}"
        raise _BrokenOffError(text) from None


def _told(error: Exception, location: Location) -> str:
    text = redacted(f"{type(error).__name__}: {error}")
    for secret in filter(None, (location.password, location.user, location.query)):
        text = text.replace(secret, "***").replace(quote(secret, safe=""), "***")
    return text
