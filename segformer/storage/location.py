"""Addresses of remote data, and their form without secrets."""

import hashlib
import re
from dataclasses import dataclass, field
from urllib.parse import unquote

from segformer.errors import SpecError

_SCHEMES = {"s3": "s3", "s3a": "s3", "gs": "gs", "gcs": "gs", "http": "http", "https": "https"}
_BUCKETS = ("s3", "gs")
_PIN = re.compile(r"#files=([0-9a-f]{16})$")
_HIDDEN_QUERY = re.compile(r"hidden-[0-9a-f]{8}$")
# A secret may hold slashes and at-signs: all up to the last at-sign is removed.
_USER = re.compile(r"(\b[a-z][a-z0-9+.-]*://)[^\s'\"<>]*@", re.IGNORECASE)
_QUERY = re.compile(r"(\b[a-z][a-z0-9+.-]*://[^\s'\"<>?#]*)\?[^\s'\"<>#]*", re.IGNORECASE)


@dataclass(frozen=True)
class Location:
    """A remote file or folder; printing one shows no secret."""

    scheme: str
    """s3, gs, http or https."""
    place: str
    """Bucket or host, and the path there; no slash at the end."""
    user: str = field(default="", repr=False)
    password: str = field(default="", repr=False)
    query: str = field(default="", repr=False)
    pin: str = ""
    """Digest of the names and versions of the files at one time; empty for any time."""

    @classmethod
    def read(cls, text: str) -> "Location":
        """Parse an address; raises `SpecError` for one of another kind."""
        scheme, _, rest = text.partition("://")
        if scheme.lower() not in _SCHEMES:
            raise SpecError(
                f"{redacted(text)}: addresses begin with {', '.join(_SCHEMES)} or are local paths"
            )
        scheme, pin = _SCHEMES[scheme.lower()], _PIN.search(rest)
        if pin:
            rest = rest[: pin.start()]
        query = ""
        if scheme not in _BUCKETS:
            rest, _, query = rest.partition("?")
        user, password, rest = _credentials(scheme, rest)
        place = rest.rstrip("/")
        if not place or place.startswith("/"):
            raise SpecError(f"{redacted(text)}: names no {_owner(scheme)} after {scheme}://")
        if scheme == "gs" and user:
            raise SpecError(
                f"{redacted(text)}: gs:// takes no credentials in the address; "
                "set GOOGLE_APPLICATION_CREDENTIALS"
            )
        return cls(scheme, place, user, password, query, pin.group(1) if pin else "")

    @property
    def clean(self) -> str:
        """The address without credentials; a query, which may hold one, becomes a digest."""
        query = f"?{self._hidden_query}" if self.query else ""
        return f"{self.scheme}://{self.place}{query}"

    @property
    def pinned(self) -> str:
        """The clean address with its pin; `read` accepts it."""
        return f"{self.clean}#files={self.pin}"

    @property
    def is_hidden(self) -> bool:
        """Whether the query was a digest already, so that nothing can be read by it."""
        return bool(_HIDDEN_QUERY.match(self.query))

    @property
    def _hidden_query(self) -> str:
        if self.is_hidden:
            return self.query
        return f"hidden-{hashlib.sha256(self.query.encode()).hexdigest()[:8]}"


def is_remote(text: object) -> bool:
    """Whether a value is the address of something that is not a local path."""
    return isinstance(text, str) and "://" in text


def redacted(text: str) -> str:
    """Return the text with user, password and query removed from its addresses."""
    return _QUERY.sub(r"\1?***", _USER.sub(r"\1***@", text))


def _credentials(scheme: str, rest: str) -> tuple[str, str, str]:
    """Split user, password and place; a colon before a bucket means credentials."""
    first, slash, path = rest.partition("/")
    if scheme in _BUCKETS and ":" in first and "@" in rest:
        userinfo, _, place = rest.rpartition("@")
    else:
        userinfo, _, host = first.rpartition("@")
        place = f"{host}{slash}{path}"
    user, _, password = userinfo.partition(":")
    return unquote(user), unquote(password), place


def _owner(scheme: str) -> str:
    return "bucket" if scheme in _BUCKETS else "host"
