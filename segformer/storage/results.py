"""Results behind an address: written to a folder on this machine, uploaded when the action ends.

The folder mirrors the address. What is there already is fetched before the action starts, so that
a training resumes on any machine, and an existing export is refused as in a local folder. A file
beside the mirror records each file as both sides had it last. A remote file that differs from the
record was changed elsewhere and is fetched; a local one that differs is uploaded, even if the
action that wrote it was killed.
"""

import hashlib
import json
import logging
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from segformer.errors import SkillError, SpecError
from segformer.storage.atomic import replacing
from segformer.storage.location import Location
from segformer.storage.remote import STREAMS, RemoteFile, Store
from segformer.storage.staging import cache_folder

_LOG = logging.getLogger(__name__)
_WRITABLE = ("s3", "gs")


class ResultsMirror:
    """A folder on this machine and the address that it is uploaded to."""

    def __init__(self, address: str, *, key: str) -> None:
        """Connect; `key` names the address in messages. Raises `SpecError`, `DataError`."""
        location = Location.read(address)
        if location.scheme not in _WRITABLE:
            raise SpecError(
                f"{key}: {location.clean} cannot be written to; give a local path, s3:// or gs://"
            )
        self.address = location.clean
        self._store = Store(location)
        digest = hashlib.sha256(self.address.encode()).hexdigest()[:16]
        self.folder = cache_folder() / "results" / digest
        self._record = self.folder.with_suffix(".json")

    @contextmanager
    def mirrored(self) -> Iterator[Path]:
        """Yield the folder; its changes are uploaded on leaving, also after an error.

        Raises `DataError` if the address cannot be read or written.
        """
        self._fetch()
        try:
            yield self.folder
        except BaseException:
            try:
                self._upload()
            except SkillError as error:
                _LOG.warning("results are not uploaded but in %s: %s", self.folder, error)
            raise
        self._upload()

    def address_of(self, path: Path) -> str:
        """The address of a file of the folder; of another file its path."""
        if not path.is_relative_to(self.folder):
            return str(path)
        return f"{self.address}/{path.relative_to(self.folder).as_posix()}"

    def _fetch(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        record, remote = self._read(), self._store.files(("",))
        changed = [file for file in remote if record.get(file.name, [""])[0] != file.tag]
        _each(self._fetch_file, changed)
        for name in record.keys() - {file.name for file in remote}:
            (self.folder / name).unlink(missing_ok=True)
        fetched = {file.name: [file.tag, self._stamp(file.name)] for file in changed}
        kept = {file.name: record[file.name] for file in remote if file.name not in fetched}
        self._write({**kept, **fetched})

    def _fetch_file(self, file: RemoteFile) -> None:
        path = self.folder / file.name
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as part:
            self._store.fetch(file, part)

    def _upload(self) -> None:
        record = self._read()
        local = {name: self._stamp(name) for name in self._names()}
        changed = [name for name, stamp in local.items() if record.get(name, [0, 0])[1] != stamp]
        _each(lambda name: self._store.put(self.folder / name, name), sorted(changed))
        _each(self._store.remove, sorted(record.keys() - local.keys()))
        tags = {file.name: file.tag for file in self._store.files(("",))}
        self._write({name: [tags[name], stamp] for name, stamp in local.items() if name in tags})

    def _names(self) -> list[str]:
        files = [path for path in self.folder.rglob("*") if path.is_file()]
        return [path.relative_to(self.folder).as_posix() for path in files]

    def _stamp(self, name: str) -> list[int]:
        status = (self.folder / name).stat()
        return [status.st_size, status.st_mtime_ns]

    def _read(self) -> dict[str, list[Any]]:
        """By name, the remote tag and the local size and time of the last synchronisation."""
        if not self._record.is_file():
            return {}
        record: dict[str, list[Any]] = json.loads(self._record.read_text(encoding="utf-8"))
        return record

    def _write(self, record: dict[str, list[Any]]) -> None:
        with replacing(self._record) as part:
            part.write_text(json.dumps(record), encoding="utf-8")


def _each(work: Callable[[Any], None], items: Iterable[Any]) -> None:
    with ThreadPoolExecutor(STREAMS) as pool:
        list(pool.map(work, items))
