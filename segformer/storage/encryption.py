"""Files that only the holder of a key can read: encrypted in pieces, each of them authenticated.

A file is a header - mark, cost of the key's derivation, salt, prefix of the nonces - and pieces of
AES-256-GCM. A nonce is prefix, number of the piece, and whether it is the last, so that pieces
cannot be changed, exchanged, left out or cut off. The key is derived by scrypt.
"""

import io
import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache
from pathlib import Path
from typing import IO, BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from segformer.errors import CheckpointError
from segformer.storage.key import key_of

MARK = b"SFSEAL1\n"
PIECE = 2**20
"""Bytes of a piece before encryption."""

_HEADER = struct.Struct("8s B 16s 7s")
_TAG = 16
_COST = 15
"""Binary logarithm of scrypt's n: 32 MiB and a tenth of a second."""
_SALT = os.urandom(16)  # One for a process: a derivation for each checkpoint would cost time.

_reference: ContextVar[str] = ContextVar("reference", default="")


@contextmanager
def encryption_key_from(reference: str) -> Iterator[None]:
    """Write encrypted files, and read such, with the key that a spec's `encryption_key` names."""
    token = _reference.set(reference)
    try:
        yield
    finally:
        _reference.reset(token)


def has_key() -> bool:
    """Whether files are written encrypted."""
    return bool(_reference.get())


@contextmanager
def writing(path: Path) -> Iterator[BinaryIO]:
    """Open a file to write: encrypted where a key is set. What fails in between leaves no whole."""
    key = key_of(_reference.get())
    with path.open("wb") as file:
        if not key:
            yield file
            return
        sealing = _EncryptedWriter(file, key)
        yield sealing  # type: ignore[misc]
        sealing.finish()


@contextmanager
def reading(path: Path) -> Iterator[IO[bytes]]:
    """Open a file to read, encrypted or not; every byte of an encrypted one is checked first.

    Raises `CheckpointError` without the right key, or when the file was changed; `OSError`.
    """
    with path.open("rb") as file:
        if not is_sealed(path):
            yield file
            return
        key = key_of(_reference.get())
        if not key:
            raise CheckpointError(f"{path}: is encrypted; give its key as encryption_key=env:NAME")
        try:
            opening = _EncryptedReader(file, key)
        except (InvalidTag, struct.error, ValueError):
            raise CheckpointError(
                f"{path}: cannot be decrypted: encryption_key is not its key, or the file was"
                " changed"
            ) from None
        yield io.BufferedReader(opening, PIECE)


def is_sealed(path: Path) -> bool:
    """Whether a file is encrypted."""
    with path.open("rb") as file:
        return file.read(len(MARK)) == MARK


class _Pieces:
    """Encrypts and decrypts the pieces of one file."""

    def __init__(self, key: str, header: bytes) -> None:
        mark, cost, salt, prefix = _HEADER.unpack(header)
        if mark != MARK or not 10 <= cost <= 20:
            raise ValueError("no header of ours")
        self._prefix: bytes = prefix
        self._header = header
        self._cipher = AESGCM(_derived(key, salt, cost))

    def encrypted(self, number: int, plain: bytes, *, is_last: bool) -> bytes:
        return self._cipher.encrypt(self._nonce(number, is_last), plain, self._header)

    def decrypted(self, number: int, piece: bytes, *, is_last: bool) -> bytes:
        return self._cipher.decrypt(self._nonce(number, is_last), piece, self._header)

    def _nonce(self, number: int, is_last: bool) -> bytes:
        return self._prefix + struct.pack(">I?", number, is_last)


@lru_cache(maxsize=8)
def _derived(key: str, salt: bytes, cost: int) -> bytes:
    return Scrypt(salt=salt, length=32, n=2**cost, r=8, p=1).derive(key.encode())


class _EncryptedWriter(io.RawIOBase):
    """Takes what is written and passes it on encrypted."""

    def __init__(self, file: BinaryIO, key: str) -> None:
        header = _HEADER.pack(MARK, _COST, _SALT, os.urandom(7))
        self._pieces = _Pieces(key, header)
        self._file = file
        self._waiting = bytearray()
        self._number = 0
        file.write(header)

    def writable(self) -> bool:
        return True

    def write(self, data: bytes) -> int:  # type: ignore[override]
        self._waiting += data
        # The last piece is known only at the end, so that one always waits.
        while len(self._waiting) > PIECE:
            self._pass_on(PIECE, is_last=False)
        return len(data)

    def finish(self) -> None:
        self._pass_on(len(self._waiting), is_last=True)

    def _pass_on(self, size: int, *, is_last: bool) -> None:
        plain = bytes(self._waiting[:size])
        del self._waiting[:size]
        self._file.write(self._pieces.encrypted(self._number, plain, is_last=is_last))
        self._number += 1


class _EncryptedReader(io.RawIOBase):
    """What an encrypted file holds, to be read from any place."""

    def __init__(self, file: BinaryIO, key: str) -> None:
        self._file = file
        self._pieces = _Pieces(key, file.read(_HEADER.size))
        inside = file.seek(0, io.SEEK_END) - _HEADER.size
        self._count = max(1, -(-inside // (PIECE + _TAG)))
        self._size = inside - self._count * _TAG
        self._held = (-1, b"")
        self._place = 0
        for number in range(self._count):
            self._piece(number)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._place, io.SEEK_END: self._size}[whence]
        self._place = max(0, start + offset)
        return self._place

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        if self._place >= self._size:
            return 0
        number, start = divmod(self._place, PIECE)
        found = self._piece(number)[start : start + len(buffer)]
        buffer[: len(found)] = found
        self._place += len(found)
        return len(found)

    def _piece(self, number: int) -> bytes:
        if self._held[0] != number:
            self._file.seek(_HEADER.size + number * (PIECE + _TAG))
            piece = self._file.read(PIECE + _TAG)
            is_last = number == self._count - 1
            self._held = (number, self._pieces.decrypted(number, piece, is_last=is_last))
        return self._held[1]
