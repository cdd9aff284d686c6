"""Files behind s3://, gs://, http:// and https://: listed, fetched and written through fsspec."""

import hashlib
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import fsspec
from fsspec.spec import AbstractFileSystem

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
_NETWORK_LIBRARIES = {"aiobotocore", "aiohttp", "botocore", "fsspec", "gcsfs", "google", "s3fs"}
"""Modules whose exceptions are faults of the network, of a server or of credentials."""
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


class _TransferError(DataError):
    """A fault of the network, which a second try may not meet again."""


class Store:
    """A location and the connection to it.

    Its errors are `DataError`s without secrets, except programming errors, which are raised as
    they are. `files` is a file system of fsspec to use in place of a new connection.
    """

    def __init__(self, location: Location, files: AbstractFileSystem | None = None) -> None:
        if location.is_hidden:
            raise DataError(
                f"{location.clean}: the query of this address was taken for a secret and not kept; "
                "to fetch the data again, run a command with the whole address"
            )
        self.location = location
        with _errors_explained(location):
            self._files = files or self._connect()

    def files(self, parts: tuple[str, ...]) -> list[RemoteFile]:
        """Return the files below the location whose path is, or is below, one of `parts`.

        The part "" means everything, and the location itself if it is a file.
        """
        with _errors_explained(self.location):
            files = self._sums() if self._is_http else None
            if files is None:
                files = [file for part in parts for file in self._list(part)]
            files = [f for f in files if any(_is_within(f.name, part) for part in parts)]
        for file in files:
            _check_name(file.name, self.location)
        return sorted(files, key=lambda file: file.name)

    def fetch(self, file: RemoteFile, path: Path) -> None:
        """Download a file to `path`; a transfer that broke off is tried again."""
        self._tried(lambda: self._files.get_file(self._address(file.name), str(path)))

    def put(self, path: Path, name: str) -> None:
        """Upload a file to `name` below the location; a transfer that broke off is tried again."""
        self._tried(lambda: self._files.put_file(str(path), self._address(name)), "written")

    def remove(self, name: str) -> None:
        """Remove the file `name` below the location."""
        self._tried(lambda: self._files.rm_file(self._address(name)), "written")

    def _tried(self, transfer: Callable[[], object], verb: str = "read") -> None:
        for tries_left in reversed(range(_TRIES)):
            try:
                with _errors_explained(self.location, verb):
                    transfer()
                return
            except _TransferError:
                if not tries_left:
                    raise
                time.sleep(_PAUSE_S * (_TRIES - tries_left))

    @property
    def _is_http(self) -> bool:
        return self.location.scheme in ("http", "https")

    def _connect(self) -> Any:
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

    def _list(self, part: str) -> list[RemoteFile]:
        if self._is_http:
            return self._list_by_links(part)
        base = self._address(part)
        entries = self._files.find(base, detail=True)
        cut = len(self.location.place)
        return [
            RemoteFile(path[cut:].strip("/"), info["size"], _tag(info))
            for path, info in entries.items()
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
                raise DataError(
                    f"{self.location.clean}/{SUMS}: {line[:80]!r} is not a line of sha256sum"
                )
            files.append(RemoteFile(name[1:].removeprefix("./"), None, f"sha256:{sha256}"))
        return files

    def _list_by_links(self, part: str) -> list[RemoteFile]:
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
            return [file for file in pool.map(self._file_at, sorted(names)) if file]

    def _file_at(self, name: str) -> RemoteFile | None:
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
    """Raise `DataError` for a name that would be written outside the cache."""
    parts = name.split("/")
    if name and ("\\" in name or "\0" in name or any(p in ("", ".", "..") for p in parts)):
        raise DataError(f"{location.clean}: holds a file {name!r}, which is not a valid path")


def _has_aws_credentials() -> bool:
    from botocore.session import Session

    return Session().get_credentials() is not None


@contextmanager
def _errors_explained(location: Location, verb: str = "read") -> Iterator[None]:
    address, advice = (
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
            f"{address}: {location.scheme}:// needs {library}; "
            f"install it with: pip install 'automl-segformer[{extra}]'"
        ) from None
    except FileNotFoundError:
        raise DataError(f"{address}: does not exist") from None
    except PermissionError as error:
        raise DataError(
            f"{address}: access is refused ({_clean_text(error, location)}); {advice}"
        ) from None
    except Exception as error:  # Each file system of fsspec raises the errors of its libraries.
        text = f"{address}: cannot be {verb} ({_clean_text(error, location)}); {advice}"
        if _is_of_network(error):
            raise _TransferError(text) from None
        if isinstance(error, ValueError):  # An address that a library cannot make sense of.
            raise DataError(text) from None
        raise


def _is_of_network(error: Exception) -> bool:
    """Whether an error is the system's or a library's for the network, and no bug of ours."""
    modules = {kind.__module__.partition(".")[0] for kind in type(error).__mro__}
    return isinstance(error, OSError) or bool(modules & _NETWORK_LIBRARIES)


def _clean_text(error: Exception, location: Location) -> str:
    """Return the error as text without the secrets of the location."""
    text = redacted(f"{type(error).__name__}: {error}")
    for secret in filter(None, (location.password, location.user, location.query)):
        text = text.replace(secret, "***").replace(quote(secret, safe=""), "***")
    return text
