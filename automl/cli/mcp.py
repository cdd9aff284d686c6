"""`automl mcp`: a server for programs, on stdin and stdout."""

import argparse
from pathlib import Path
from typing import Any

from automl.cli.flags import user_path
from automl.errors import Fault, UsageError
from automl.version import install_command


def add(commands: Any) -> None:
    """Add the command to the parser."""
    text = "serve tools for programs (Model Context Protocol) on stdin and stdout"
    parser = commands.add_parser("mcp", help=text, description=f"{text.capitalize()}.")
    parser.set_defaults(command=_mcp)
    parser.add_argument(
        "--root", type=user_path, default=Path(), metavar="DIR",
        help="the only folder that tools read and write (default: the working folder)",
    )  # fmt: skip


def _mcp(arguments: argparse.Namespace) -> int:
    root: Path = arguments.root
    if not root.is_dir():
        raise UsageError(Fault(f"--root: {root} is not a folder", key="--root", value=str(root)))
    try:
        from automl.mcp.server import serve
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in ("mcp", "anyio"):
            raise
        command = install_command("mcp")
        raise UsageError(
            Fault(f"automl mcp needs the library mcp; install it: {command}", next=command)
        ) from error
    serve(root)
    return 0
