"""Removes credentials from texts that are kept or shown, and control characters from shown ones."""

import functools
import logging
import os
import re
from collections.abc import Callable, Mapping
from typing import Any

from automl.errors import UsageError

MASK = "***"

# A secret may hold slashes and at-signs: all up to the last one goes.
_USER = re.compile(r"(\b[a-z][a-z0-9+.-]*://)[^\s'\"<>]*@", re.IGNORECASE)
_PASSWORD = re.compile(r"\b[a-z][a-z0-9+.-]*://[^\s'\"<>/?#:@]*:([^?\s'\"<>]+)@", re.IGNORECASE)
_QUERY = re.compile(r"(\b[a-z][a-z0-9+.-]*://[^\s'\"<>?#]*)\?[^\s'\"<>#]*", re.IGNORECASE)
_SECRET_NAME = re.compile(
    r"SECRET|TOKEN|PASSWORD|PASSWD|PASSPHRASE|_PWD$|ACCESS_KEY|KEY$|CREDENTIAL", re.IGNORECASE
)
# Of C0, C1 and DEL, which a terminal obeys; of letters that are written from right to left, which
# hide others; and halves of characters, as in file names that are no UTF-8. A line may end.
_CONTROL = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)
_SHORTEST = 8
"""Shorter values of such variables may occur in any text."""


def printable(text: object) -> str:
    """Return a text that changes nothing of a terminal: control characters are written out."""
    return _CONTROL.sub(lambda match: ascii(match[0])[1:-1], str(text))


class PrintableFormatter(logging.Formatter):
    """Formats log records for a terminal."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record's text without control characters."""
        return printable(super().format(record))


def redacted(text: str) -> str:
    """Return a text without user, password and query of its addresses, and without secrets.

    See `secrets` for those of the environment.
    """
    return redactor()(text)


def secrets() -> list[str]:
    """Return the secrets of the environment, the longest first.

    They are the values of variables whose names say so, and the passwords of addresses.
    """
    return list(_secrets_of(tuple(os.environ.items())))


@functools.lru_cache(maxsize=1)
def _secrets_of(environment: tuple[tuple[str, str], ...]) -> tuple[str, ...]:
    """Return the secrets of an environment, kept until it changes: a report has many texts."""
    values = {value for name, value in environment if _SECRET_NAME.search(name)}
    values |= {match[1] for _, value in environment for match in _PASSWORD.finditer(value)}
    # A secret may be a part of another one.
    return tuple(sorted((v for v in values if len(v) >= _SHORTEST), key=len, reverse=True))


def redactor() -> Callable[[str], str]:
    """Return `redacted` for many texts: the environment is searched for secrets once."""
    known = secrets()

    def redact(text: str) -> str:
        for secret in known:
            text = text.replace(secret, MASK)
        has_address = "://" in text
        return _QUERY.sub(rf"\1?{MASK}", _USER.sub(rf"\1{MASK}@", text)) if has_address else text

    return redact


def without_user(address: str) -> str:
    """Return an address that can be opened and printed: without user and password."""
    return _USER.sub(r"\1", address)


def check_kept_out(overrides: Mapping[str, Any], resolved: Mapping[str, Any]) -> None:
    """Raise `UsageError` if a skill kept an address of `overrides` with its credentials in a spec.

    Both are values by dotted key. A spec is written to disk.
    """
    secret = {v for v in overrides.values() if isinstance(v, str) and redacted(v) != v}
    if keys := [k for k, v in resolved.items() if isinstance(v, str) and v in secret]:
        raise UsageError(
            *(
                f"{key}: the address holds credentials, which this skill would keep in its spec; "
                "give them in the environment instead"
                for key in keys
            )
        )
