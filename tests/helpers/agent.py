"""A scripted client of `automl mcp`: calls tools over stdio, and mends its calls by the errors."""

import os
import sys
import time
from contextlib import asynccontextmanager

from mcp import Client, StdioServerParameters, stdio_client

_SERVE = "import sys; from pathlib import Path; from automl.mcp.server import serve; "


@asynccontextmanager
async def agent(root, program):
    """Yield an agent whose server runs `program` in the folder `root`."""
    code = f"{_SERVE}serve(Path({str(root)!r}), program=({str(program)!r},))"
    parameters = StdioServerParameters(
        command=sys.executable, args=["-c", code], env=dict(os.environ)
    )
    async with Client(stdio_client(parameters)) as client:
        yield Agent(client)


class Agent:
    """Knows nothing but the tools, their schemas and their errors."""

    def __init__(self, client):
        self.client = client
        self.mended = []

    async def call(self, name, **arguments):
        """Return the answer of a tool, whether it is an error, and its content."""
        result = await self.client.call_tool(name, arguments)
        return result.is_error, result.structured_content

    async def insist(self, name, **arguments):
        """Call a tool until it accepts; each error says what to change."""
        for _ in range(8):
            is_error, content = await self.call(name, **arguments)
            if not is_error:
                return content
            for error in content.get("errors", [content["error"]]):
                before, arguments = arguments, mended(arguments, error)
                self.mended += [error["key"]] if arguments != before else []
        raise AssertionError(f"{name} is refused still: {content}")

    async def wait(self, experiment, timeout=240):
        """Ask for the status until the experiment has ended."""
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            is_error, status = await self.call("status", experiment=experiment)
            assert not is_error, status
            if status["state"] != "running":
                return status
            time.sleep(0.3)
        raise AssertionError(f"{experiment} has not ended")


def mended(arguments, error):
    """Return the arguments with what an error names renamed, or replaced by an allowed value."""
    key = str(error["key"]).lstrip("-").replace("-", "_").lower()
    allowed = error["allowed"] if isinstance(error["allowed"], list) else []
    better = error["nearest"] or next(iter(allowed), None)
    return arguments if better is None else _mended(arguments, key, error["value"], better)


def _mended(arguments, key, value, better):
    if key in arguments:
        is_name = value is None
        rest = {k: v for k, v in arguments.items() if k != key}
        return {**rest, better: arguments[key]} if is_name else {**rest, key: better}
    return {
        name: _mended(inner, key, value, better) if isinstance(inner, dict) else inner
        for name, inner in arguments.items()
    }
