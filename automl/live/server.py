"""Serves live pages over HTTP on this machine; only a browser that has the token may ask.

The token stands in the address that is printed, and becomes a cookie: other users of the machine
cannot read. A request by hand must also bear a second token, which only the page itself can read,
so that no other page that the browser shows can send one.
"""

import json
import secrets
import sys
from collections.abc import Callable, Mapping
from http import HTTPStatus
from http.cookies import CookieError, SimpleCookie
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from typing import Any
from urllib.parse import parse_qs, urlsplit

from automl.errors import UsageError, error_to_dict
from automl.files import json_text
from automl.live.actions import add_form, ask
from automl.live.script import script
from automl.live.source import LiveExperiment, Page, compared
from automl.redact import redacted
from automl.report.page.markup import data
from automl.report.page.page import document, plotly

LOOPBACK = "127.0.0.1"
WAIT_S = 20.0
"""For how long a question for changes is kept open."""
_LARGEST = 100_000
"""Bytes of a request by hand."""
_TOKEN_HEADER = "X-Automl-Token"
_NOT_KNOWN = "open the address that automl watch printed: it has a token"
_LOCAL_NAMES = ("localhost", "127.0.0.1", "::1")


class LiveServer(ThreadingHTTPServer):
    """The pages of some experiments, on one address."""

    daemon_threads = True

    def __init__(
        self, experiments: list[LiveExperiment], *, host: str, port: int, may_act: bool = True
    ) -> None:
        self.experiments = experiments
        self.comparison = compared(experiments)
        self.may_act = may_act
        self.token = secrets.token_urlsafe(24)
        self.action_token = secrets.token_urlsafe(24)
        self.plotly = plotly()
        try:
            self.is_loopback = host == "localhost" or ip_address(host).is_loopback
            super().__init__((host, port), _Handler)
        except (OSError, OverflowError, ValueError) as error:
            raise UsageError(
                f"--host {host} --port {port}: cannot be used ({error}); give another one, or no "
                "port for a free one"
            ) from error

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of a browser that has gone; show any other error."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)

    @property
    def url(self) -> str:
        """The address to open, with the token."""
        host, port = self.server_address[:2]
        return f"http://{host!s}:{port}/?token={self.token}"

    @property
    def cookie(self) -> str:
        """The name of the cookie, one for each port of a machine."""
        return f"automl-watch-{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    server: LiveServer
    server_version, sys_version = "automl", ""
    timeout = 60

    def do_GET(self) -> None:
        """Answer a page, its changes, or the form of a new trial."""
        url = urlsplit(self.path)
        query = {name: values[-1] for name, values in parse_qs(url.query).items()}
        if not self._is_our_name():
            self._refuse(_NOT_KNOWN)
        elif _is_equal(query.get("token", ""), self.server.token):
            self._set_cookie(url.path)
        elif not self._is_known():
            self._refuse(_NOT_KNOWN)
        else:
            self._answer(_words(url.path), query)

    def do_POST(self) -> None:
        """Take a request by hand."""
        words = _words(self.path)
        live = self._experiment(words)
        if not (self._is_our_name() and self._is_known()):
            self._refuse(_NOT_KNOWN)
        elif not _is_equal(self.headers.get(_TOKEN_HEADER, ""), self.server.action_token):
            self._refuse("the page is of an earlier automl watch; reload it")
        elif not self.server.may_act:
            self._refuse("automl watch was started with --read-only")
        elif live is None or words[2:] != ["requests"]:
            self._send(HTTPStatus.NOT_FOUND, "text/plain", "no such page\n")
        else:
            self._act(live)

    def _act(self, live: LiveExperiment) -> None:
        try:
            length = int(self.headers.get("Content-Length", ""))
            if not 0 < length <= _LARGEST:
                raise ValueError(length)
            content = json.loads(self.rfile.read(length))
            self._json(ask(live.root, content))
        except UsageError as error:
            self._json(error_to_dict(error), HTTPStatus.BAD_REQUEST)
        except (ValueError, RecursionError):
            text = "the request is not JSON of a fitting length"
            self._json({"error": {"message": text}}, HTTPStatus.BAD_REQUEST)

    def _answer(self, words: list[str], query: Mapping[str, str]) -> None:
        live = self._experiment(words)
        rest = words if live is None else words[2:]
        if live is None and len(self.server.experiments) == 1 and rest in ([], ["changes"]):
            live = self.server.experiments[0]
        page = self.server.comparison if live is None else live.page
        if not rest:
            self._page(page, live)
        elif rest == ["changes"]:
            since = query.get("since", "")
            self._json(page.changes(int(since) if since.isdecimal() else 0, WAIT_S))
        elif live is not None and rest == ["form"]:
            self._json(add_form(live.root, query.get("like", "")))
        else:
            self._send(HTTPStatus.NOT_FOUND, "text/plain", "no such page\n")

    def _experiment(self, words: list[str]) -> LiveExperiment | None:
        """Return the experiment of an address `e/PLACE/...`."""
        if len(words) > 1 and words[0] == "e" and words[1].isdecimal():
            place = int(words[1])
            if place < len(self.server.experiments):
                return self.server.experiments[place]
        return None

    def _page(self, page: Page, live: LiveExperiment | None) -> None:
        heading, parts = page.look()
        title = "automl watch" if live is None else f"{live.name}: automl watch"
        place = None if live is None else self.server.experiments.index(live)
        about = {
            "version": page.version,
            "base": "/" if place is None else f"/e/{place}/",
            "token": self.server.action_token,
            "may_act": self.server.may_act and live is not None,
            "has_others": len(self.server.experiments) > 1,
        }
        extra = f"{data('live', about)}<script>{script()}</script>"
        text = document(title, heading, parts, self.server.plotly, live=extra)
        self._send(HTTPStatus.OK, "text/html; charset=utf-8", text)

    def _is_our_name(self) -> bool:
        """Whether the address names this machine: other names may lead here, too."""
        if not self.server.is_loopback:
            return True
        try:
            host = urlsplit(f"//{self.headers.get('Host', '')}").hostname
        except ValueError:  # Such as a bracket without its partner.
            return False
        return host in _LOCAL_NAMES

    def _is_known(self) -> bool:
        try:
            cookie = SimpleCookie(self.headers.get("Cookie", "")).get(self.server.cookie)
        except CookieError:
            return False
        return cookie is not None and _is_equal(cookie.value, self.server.token)

    def _set_cookie(self, path: str) -> None:
        self.send_response(HTTPStatus.SEE_OTHER)
        self.send_header("Location", "/" + path.lstrip("/\\"))
        value = f"{self.server.cookie}={self.server.token}"
        self.send_header("Set-Cookie", f"{value}; HttpOnly; SameSite=Lax; Path=/")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _refuse(self, text: str) -> None:
        self._send(HTTPStatus.FORBIDDEN, "text/plain; charset=utf-8", f"{text}\n")

    def _json(self, content: Mapping[str, Any], status: HTTPStatus = HTTPStatus.OK) -> None:
        self._send(status, "application/json", redacted(json_text(content)))

    def _send(self, status: HTTPStatus, kind: str, text: str) -> None:
        body = text.encode(errors="backslashreplace")
        self.send_response(status)
        headers = {"Content-Type": kind, "Content-Length": str(len(body)),
                   "Cache-Control": "no-store", "Referrer-Policy": "no-referrer",
                   "X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY"}  # fmt: skip
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_words: Any) -> None:
        """Say nothing: the addresses have the token."""


def _is_equal(one: str, other: str) -> bool:
    return secrets.compare_digest(one.encode(), other.encode())


def _words(path: str) -> list[str]:
    return [word for word in path.split("/") if word]


def serve(server: LiveServer, announce: Callable[[str], None]) -> None:
    """Serve until Ctrl-C."""
    announce(server.url)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        pass
    finally:
        server.server_close()
