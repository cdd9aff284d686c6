"""Encrypted files: a header, then chunks of AES-256-GCM, so that any place can be read alone.

This is the STREAM construction (Hoang, Reyhanitabar, Rogaway and Vizar 2015): the nonce of a chunk
holds its number and whether it is the last, so that chunks cannot be changed, reordered, dropped,
duplicated or cut off unnoticed. docs/encryption.md has the format and what it does not protect.
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
from segformer.storage.key import key_from_reference

MARK = b"SFSEAL1\n"
CHUNK = 2**20
"""Bytes of a chunk before encryption."""

_HEADER = struct.Struct("8s B 16s 7s")
_TAG = 16
_COST = 15
"""Binary logarithm of scrypt's n: 32 MiB and a tenth of a second."""
_SALT = os.urandom(16)  # One a process: deriving a key for each checkpoint would cost time.

_key: ContextVar[str] = ContextVar("key", default="")


@contextmanager
def encryption_key_from(reference: str) -> Iterator[None]:
    """Encrypt files that are written in this context, and decrypt those that are read.

    Args:
        reference: A spec's `encryption_key`: env:NAME, or the key itself; empty for no key.

    Raises:
        CheckpointError: The environment has no such variable.
    """
    try:
        token = _key.set(key_from_reference(reference))
    except ValueError as error:
        raise CheckpointError(f"encryption_key: {error}") from None
    try:
        yield
    finally:
        _key.reset(token)


def has_key() -> bool:
    """Whether files are written encrypted in this context."""
    return bool(_key.get())


@contextmanager
def writing(path: Path) -> Iterator[BinaryIO]:
    """Open a file to write, encrypted if a key is set.

    If the block raises, no complete file is left: its last chunk is missing. Raises `OSError` with
    the path if the disk takes no more.
    """
    key = _key.get()
    with _told_of(path), path.open("wb") as file:
        if not key:
            yield file
            return
        writer = _EncryptedWriter(file, key)
        yield writer  # type: ignore[misc]
        writer.finish()


@contextmanager
def _told_of(path: Path) -> Iterator[None]:
    """Name the file in an error of the disk; torch.save raises another in its place."""
    try:
        yield
    except (OSError, RuntimeError) as error:
        cause = error if isinstance(error, OSError) else error.__context__
        if not isinstance(cause, OSError) or cause.errno is None:
            raise
        raise OSError(cause.errno, cause.strerror, str(path)) from error


@contextmanager
def reading(path: Path) -> Iterator[IO[bytes]]:
    """Open a file to read, encrypted or not. An encrypted one is authenticated whole first.

    Raises `CheckpointError` without the right key or if the file was changed, and `OSError`.
    """
    with path.open("rb") as file:
        if not is_encrypted(path):
            yield file
            return
        key = _key.get()
        if not key:
            raise CheckpointError(f"{path}: is encrypted; give its key as encryption_key=env:NAME")
        try:
            reader = _EncryptedReader(file, key)
        except (InvalidTag, struct.error, ValueError):
            raise CheckpointError(
                f"{path}: cannot be decrypted: encryption_key is not its key, or the file was"
                " changed"
            ) from None
        yield io.BufferedReader(reader, CHUNK)


def is_encrypted(path: Path) -> bool:
    """Whether a file is encrypted."""
    with path.open("rb") as file:
        return file.read(len(MARK)) == MARK


class _Cipher:
    """Encrypts and decrypts the chunks of one file."""

    def __init__(self, key: str, header: bytes) -> None:
        mark, cost, salt, prefix = _HEADER.unpack(header)
        if mark != MARK or not 10 <= cost <= 20:
            raise ValueError("not the header of an encrypted file")
        self._prefix: bytes = prefix
        self._header = header
        self._cipher = AESGCM(_derived_key(key, salt, cost))

    def encrypted(self, number: int, plain: bytes, *, is_last: bool) -> bytes:
        return self._cipher.encrypt(self._nonce(number, is_last), plain, self._header)

    def decrypted(self, number: int, chunk: bytes, *, is_last: bool) -> bytes:
        return self._cipher.decrypt(self._nonce(number, is_last), chunk, self._header)

    def _nonce(self, number: int, is_last: bool) -> bytes:
        return self._prefix + struct.pack(">I?", number, is_last)


@lru_cache(maxsize=8)
def _derived_key(key: str, salt: bytes, cost: int) -> bytes:
    return Scrypt(salt=salt, length=32, n=2**cost, r=8, p=1).derive(key.encode())


class _EncryptedWriter(io.RawIOBase):
    """Encrypts what is written to it, a chunk at a time."""

    def __init__(self, file: BinaryIO, key: str) -> None:
        header = _HEADER.pack(MARK, _COST, _SALT, os.urandom(7))
        self._cipher = _Cipher(key, header)
        self._file = file
        self._buffer = bytearray()
        self._number = 0
        file.write(header)

    def writable(self) -> bool:
        return True

    def write(self, data: bytes) -> int:  # type: ignore[override]
        self._buffer += data
        # Which chunk is the last is known only at the end: the buffer always keeps one.
        while len(self._buffer) > CHUNK:
            self._write_chunk(CHUNK, is_last=False)
        return len(data)

    def finish(self) -> None:
        self._write_chunk(len(self._buffer), is_last=True)

    def _write_chunk(self, size: int, *, is_last: bool) -> None:
        plain = bytes(self._buffer[:size])
        del self._buffer[:size]
        self._file.write(self._cipher.encrypted(self._number, plain, is_last=is_last))
        self._number += 1


class _EncryptedReader(io.RawIOBase):
    """The decrypted content of a file, readable from any position; authenticated when opened."""

    def __init__(self, file: BinaryIO, key: str) -> None:
        self._file = file
        self._cipher = _Cipher(key, file.read(_HEADER.size))
        size = file.seek(0, io.SEEK_END) - _HEADER.size
        self._count = max(1, -(-size // (CHUNK + _TAG)))
        self._size = size - self._count * _TAG
        self._cached = (-1, b"")
        self._position = 0
        for number in range(self._count):
            self._chunk(number)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        self._position = max(0, start + offset)
        return self._position

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        if self._position >= self._size:
            return 0
        number, start = divmod(self._position, CHUNK)
        data = self._chunk(number)[start : start + len(buffer)]
        buffer[: len(data)] = data
        self._position += len(data)
        return len(data)

    def _chunk(self, number: int) -> bytes:
        if self._cached[0] != number:
            self._file.seek(_HEADER.size + number * (CHUNK + _TAG))
            chunk = self._file.read(CHUNK + _TAG)
            is_last = number == self._count - 1
            self._cached = (number, self._cipher.decrypted(number, chunk, is_last=is_last))
        return self._cached[1]
