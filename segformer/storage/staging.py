"""Copies remote files into a cache on this machine: once, complete, and for all trials."""

import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from segformer.errors import DataError
from segformer.storage.atomic import replacing
from segformer.storage.location import Location, is_remote
from segformer.storage.remote import STREAMS, RemoteFile, Store, sha256_of

FILE_NAME = "dataset.json"
SPLIT_FILE = "split.json"

DATA_SET = ("images", "masks", FILE_NAME, SPLIT_FILE)
"""What is fetched of a data set's folder."""

Progress = Callable[[int, int], None]

Credentials = MutableMapping[str, Location]
"""Locations with credentials by clean address: the caller keeps them, and nothing writes them."""


def cache_folder() -> Path:
    """Return $AUTOML_CACHE, else automl in $XDG_CACHE_HOME or ~/.cache."""
    if named := os.environ.get("AUTOML_CACHE"):
        return Path(named).expanduser().absolute()
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "automl"


def pinned(address: str, *, is_data_set: bool, credentials: Credentials | None = None) -> str:
    """Return the address, without credentials, of the files as they are now.

    Of a data set dataset.json and the names of the folders are fetched at once, the rest by
    `staged`. Credentials in the address are added to `credentials`. Raises `DataError` if nothing
    is there or it cannot be read.
    """
    location = Location.read(address)
    if credentials is not None and (location.user or location.query):
        credentials[location.clean] = location
    return _pin(location, is_data_set=is_data_set).pinned


def begun(address: str) -> Path:
    """Return the folder in the cache for the files of a pinned address; it may lack files yet."""
    return _Staging(Location.read(address)).data


def staged(
    address: str,
    *,
    is_data_set: bool,
    credentials: Mapping[str, Location] | None = None,
    is_checked: bool = False,
    progress: Progress | None = None,
) -> Path:
    """Return the file or folder on this machine with the content of an address.

    Files that are in the cache are not fetched again; with `is_checked` their bytes are compared
    with those that were fetched, else their sizes. If another process is fetching, this one waits.
    Raises `DataError` for files that are gone or are no longer those that were pinned.
    """
    location = _pin(Location.read(address), is_data_set=is_data_set)
    staging = _Staging(location)
    with staging.locked():
        if not staging.is_whole(is_checked=is_checked):
            source = (credentials or {}).get(location.clean, location)
            staging.complete(Store(source), is_data_set=is_data_set, progress=progress)
    return staging.file_or_folder()


def pin_inputs(
    flat: Mapping[str, Any],
    *,
    paths: Iterable[str],
    inputs: Container[str],
    data_set_key: str,
    credentials: Credentials | None = None,
) -> dict[str, Any]:
    """Return values by dotted key with the addresses of `paths` clean, those of `inputs` pinned."""
    result = dict(flat)
    for key in paths:
        if not is_remote(address := flat.get(key, "")):
            continue
        if key in inputs:
            is_data = key == data_set_key
            result[key] = pinned(address, is_data_set=is_data, credentials=credentials)
        else:
            result[key] = Location.read(address).clean
    return result


def stage_inputs(
    flat: Mapping[str, Any],
    *,
    paths: Iterable[str],
    data_set_key: str,
    credentials: Mapping[str, Location] | None = None,
    is_checked: bool = False,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Return values by dotted key with the addresses of `paths` staged on this machine."""
    result = dict(flat)
    for key in paths:
        if is_remote(address := flat.get(key, "")):
            result[key] = str(
                staged(
                    address,
                    is_data_set=key == data_set_key,
                    credentials=credentials,
                    is_checked=is_checked,
                    progress=progress,
                )
            )
    return result


@dataclass(frozen=True)
class _Staging:
    """The folder of the cache for one version of one location."""

    location: Location

    @property
    def folder(self) -> Path:
        name = hashlib.sha256(self.location.clean.encode()).hexdigest()[:16]
        return cache_folder() / "staged" / f"{name}-{self.location.pin}"

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def manifest(self) -> Path:
        return self.folder / "manifest.json"

    @contextmanager
    def locked(self) -> Iterator[None]:
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with (self.folder / "lock").open("a") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def file_or_folder(self) -> Path:
        """Return data/, or if the location is a single file, that file below data/."""
        name = self.location.place.rpartition("/")[2]
        listed = _read_manifest(self.manifest)
        return self.data / name if listed is not None and set(listed) == {""} else self.data

    def path_of(self, name: str) -> Path:
        return self.data / (name or self.location.place.rpartition("/")[2])

    def begin(self, store: Store, files: list[RemoteFile], *, is_data_set: bool) -> None:
        for file in files:
            self.path_of(file.name).parent.mkdir(parents=True, exist_ok=True)
            if is_data_set and file.name == FILE_NAME and not self._is_here(file):
                self._fetch(store, file)

    def is_whole(self, *, is_checked: bool) -> bool:
        listed = _read_manifest(self.manifest)
        return listed is not None and all(
            self._is_as_listed(name, facts, is_checked=is_checked) for name, facts in listed.items()
        )

    def complete(self, store: Store, *, is_data_set: bool, progress: Progress | None) -> None:
        files = _files(store, is_data_set=is_data_set)
        if _digest(files) != self.location.pin:
            raise DataError(
                f"{self.location.clean}: the files have changed since the data were first used "
                f"(#files={self.location.pin}); give the address again without #files to use them"
            )
        self._drop_damaged()
        missing = [file for file in files if not self._is_here(file)]
        self._check_space(missing)
        with ThreadPoolExecutor(STREAMS) as pool:
            fetches = [pool.submit(self._fetch, store, file) for file in missing]
            try:
                for done, fetch in enumerate(fetches, start=len(files) - len(missing) + 1):
                    fetch.result()
                    if progress:
                        progress(done, len(files))
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise
        listed = {f.name: self._facts(f.name) for f in files}
        with replacing(self.manifest) as part:
            content = {"source": self.location.clean, "files": listed}
            part.write_text(json.dumps(content, indent=1), encoding="utf-8")

    def _fetch(self, store: Store, file: RemoteFile) -> None:
        path = self.path_of(file.name)
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as part:
            store.fetch(file, part)
            where = f"{store.location.clean}/{file.name}".rstrip("/")
            size = part.stat().st_size
            if file.size not in (None, size):
                raise DataError(
                    f"{where}: arrived as {size} bytes instead of {file.size}; try again"
                )
            if file.sha256 and sha256_of(part) != file.sha256:
                raise DataError(f"{where}: is not the file that SHA256SUMS names")

    def _is_here(self, file: RemoteFile) -> bool:
        path = self.path_of(file.name)
        if not path.is_file() or file.size not in (None, path.stat().st_size):
            return False
        return file.sha256 is None or sha256_of(path) == file.sha256

    def _drop_damaged(self) -> None:
        """Remove files whose bytes have changed since they were fetched."""
        for name, facts in (_read_manifest(self.manifest) or {}).items():
            if not self._is_as_listed(name, facts, is_checked=True):
                self.path_of(name).unlink(missing_ok=True)

    def _is_as_listed(self, name: str, facts: Mapping[str, Any], *, is_checked: bool) -> bool:
        path = self.path_of(name)
        if not path.is_file() or path.stat().st_size != facts["size"]:
            return False
        return not is_checked or sha256_of(path) == facts["sha256"]

    def _facts(self, name: str) -> dict[str, Any]:
        path = self.path_of(name)
        return {"size": path.stat().st_size, "sha256": sha256_of(path)}

    def _check_space(self, files: list[RemoteFile]) -> None:
        needed, free = sum(f.size or 0 for f in files), shutil.disk_usage(self.folder).free
        if needed > free:
            raise DataError(
                f"{self.location.clean}: {needed / 1e9:.1f} GB must be fetched, but "
                f"{self.folder} has {free / 1e9:.1f} GB left; AUTOML_CACHE names another folder"
            )


def _pin(location: Location, *, is_data_set: bool) -> Location:
    if location.pin:
        return location
    store = Store(location)
    files = _files(store, is_data_set=is_data_set)
    location = replace(location, pin=_digest(files))
    staging = _Staging(location)
    with staging.locked():
        staging.begin(store, files, is_data_set=is_data_set)
    return location


def _files(store: Store, *, is_data_set: bool) -> list[RemoteFile]:
    files = store.files(DATA_SET if is_data_set else ("",))
    if not files:
        expected = " ".join(DATA_SET) if is_data_set else "files"
        raise DataError(f"{store.location.clean}: holds no {expected}")
    return files


def _digest(files: list[RemoteFile]) -> str:
    lines = "".join(f"{file.name}\t{file.size}\t{file.tag}\n" for file in files)
    return hashlib.sha256(lines.encode()).hexdigest()[:16]


def _read_manifest(path: Path) -> dict[str, dict[str, Any]] | None:
    try:
        files: dict[str, dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))["files"]
    except (OSError, ValueError, KeyError):
        return None
    return files
