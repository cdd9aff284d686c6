"""Answers lines that are no message of JSON-RPC, which the library `mcp` only skips."""

from types import TracebackType
from typing import Any

from mcp import types
from mcp.shared.message import SessionMessage


class Answering:
    """A client's messages; a line that is none is answered at once, by the code of JSON-RPC 2.0.

    -32700 for what is not JSON, -32600 for JSON that is no message; the id is null.
    """

    def __init__(self, receives: Any, sends: Any) -> None:
        self._receives = receives
        self._sends = sends

    @property
    def last_context(self) -> Any:
        """The context of the last message, as the library's own streams have it."""
        return getattr(self._receives, "last_context", None)

    async def receive(self) -> SessionMessage:
        """Return the next message."""
        while isinstance(item := await self._receives.receive(), Exception):
            await self._sends.send(SessionMessage(_answer(item)))
        return item  # type: ignore[no-any-return]

    async def aclose(self) -> None:
        """Close the stream."""
        await self._receives.aclose()

    def __aiter__(self) -> "Answering":
        return self

    async def __anext__(self) -> SessionMessage:
        while isinstance(item := await anext(self._receives), Exception):
            await self._sends.send(SessionMessage(_answer(item)))
        return item  # type: ignore[no-any-return]

    async def __aenter__(self) -> "Answering":
        await self._receives.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._receives.__aexit__(kind, error, trace)


def _answer(error: Exception) -> types.JSONRPCError:
    kinds = [fault["type"] for fault in error.errors()] if hasattr(error, "errors") else []
    is_json = bool(kinds) and "json_invalid" not in kinds
    code, text = (
        (types.INVALID_REQUEST, "this JSON is no message of JSON-RPC 2.0")
        if is_json
        else (types.PARSE_ERROR, "this line is not JSON")
    )
    return types.JSONRPCError(
        jsonrpc="2.0", id=None, error=types.ErrorData(code=code, message=text)
    )
