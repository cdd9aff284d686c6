"""The server on stdin and stdout: adapts the tools and resources to the library `mcp`."""

import json
import os
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import anyio
from anyio import to_thread
from mcp import types
from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server
from mcp.shared.exceptions import MCPError

from automl.errors import AutomlError, UsageError, error_to_dict, not_one_of
from automl.mcp.broken import Answering
from automl.mcp.commands import PROGRAM, Answer, Commands
from automl.mcp.confinement import check_confined
from automl.mcp.resources import TEMPLATES, read_resource, resources
from automl.mcp.schemas import check_arguments, with_whole_numbers
from automl.mcp.tools import Tool, tools
from automl.redact import redacted
from automl.version import __version__

_INSTRUCTIONS = (
    "Find the best model for a data set: data_show, plan, run, then status until the state is "
    "finished, explain, promote, predict. Long work answers with a handle at once. An error has "
    "key, value, allowed, nearest and next: mend the argument that key names and call again. "
    "Keys of the spec are in automl://skills/SKILL/SKILL.md."
)


def serve(root: Path, *, program: Sequence[str] = PROGRAM) -> None:
    """Serve on stdin and stdout until stdin ends; `program` are the words that start automl."""
    os.chdir(root)  # Experiments are named as from there.
    anyio.run(_serve, server(Commands(Path.cwd().resolve(), program)))


def server(commands: Commands) -> Server[Any]:
    """Return a server whose tools run commands."""
    table = tools()
    return Server(
        "automl",
        version=__version__,
        instructions=_INSTRUCTIONS,
        on_list_tools=partial(_list_tools, list(table.values())),
        on_call_tool=partial(_call_tool, commands, table),
        on_list_resources=partial(_list_resources, commands),
        on_list_resource_templates=_list_templates,
        on_read_resource=partial(_read_resource, commands),
    )


def called(commands: Commands, tool: Tool | None, name: str, arguments: dict[str, Any]) -> Answer:
    """Return the answer of a tool; a mistake in its arguments is one, too."""
    try:
        if tool is None:
            raise UsageError(not_one_of("tool", name, tools()))
        arguments = with_whole_numbers(arguments, tool.takes)
        check_arguments(arguments, tool.takes)
        check_confined(arguments, commands.root)
        return tool.run(commands, arguments)
    except AutomlError as error:
        return Answer(json.loads(redacted(json.dumps(error_to_dict(error)))), is_error=True)


async def _serve(made: Server[Any]) -> None:
    async with stdio_server() as (receives, sends):
        await made.run(Answering(receives, sends), sends, made.create_initialization_options())


async def _list_tools(listed: list[Tool], context: Any, params: Any) -> types.ListToolsResult:
    return types.ListToolsResult(
        tools=[
            types.Tool(
                name=tool.name,
                description=tool.description,
                input_schema=dict(tool.takes),
                output_schema=dict(tool.answers),
                annotations=types.ToolAnnotations(
                    read_only_hint=tool.is_read_only, destructive_hint=False
                ),
            )
            for tool in listed
        ]
    )


async def _call_tool(
    commands: Commands, table: Mapping[str, Tool], context: Any, params: types.CallToolRequestParams
) -> types.CallToolResult:
    # In a thread: a command may take minutes, and others are answered meanwhile.
    own, name = commands.of_a_call(), params.name
    try:
        answer = await to_thread.run_sync(
            called, own, table.get(name), name, params.arguments or {}, abandon_on_cancel=True
        )
    finally:
        own.gone.set()  # Of a call that was cancelled, or whose client has gone, the command ends.
    text = json.dumps(answer.content, ensure_ascii=False)
    return types.CallToolResult(
        content=[types.TextContent(text=text)],
        structured_content=answer.content,
        is_error=answer.is_error,
    )


async def _list_resources(
    commands: Commands, context: Any, params: Any
) -> types.ListResourcesResult:
    return types.ListResourcesResult(
        resources=[
            types.Resource(uri=each.uri, name=each.name, mime_type=each.mime_type)
            for each in resources(commands.root)
        ]
    )


async def _list_templates(context: Any, params: Any) -> types.ListResourceTemplatesResult:
    return types.ListResourceTemplatesResult(
        resource_templates=[
            types.ResourceTemplate(uri_template=uri, name=uri.rpartition("/")[2], description=text)
            for uri, text in TEMPLATES.items()
        ]
    )


async def _read_resource(
    commands: Commands, context: Any, params: types.ReadResourceRequestParams
) -> types.ReadResourceResult:
    try:
        text = await to_thread.run_sync(read_resource, params.uri, commands)
    except AutomlError as error:
        raise MCPError(
            code=types.INVALID_PARAMS, message=redacted(str(error)), data=error_to_dict(error)
        ) from error
    return types.ReadResourceResult(
        contents=[types.TextResourceContents(uri=params.uri, text=text)]
    )
