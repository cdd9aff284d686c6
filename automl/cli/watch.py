"""`automl watch`: the report of a search as a page that grows with it."""

import argparse
import os
import sys
import webbrowser
from pathlib import Path
from typing import Any


def add(commands: Any) -> None:
    """Add the commands of this module to the parser."""
    parser = commands.add_parser(
        "watch",
        help="show experiments in a browser as they grow; stop and add trials there",
        description="Serve the report of an experiment as a page that grows with its search, with "
        "buttons to stop a trial and to add one. Several experiments are shown side by side. Only "
        "this machine can open it, with the token in the address.",
    )
    parser.set_defaults(command=_watch)
    parser.add_argument(
        "experiment", nargs="+", help="folder of an experiment, or its name in runs/"
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on; default: only "
                        "this machine")  # fmt: skip
    parser.add_argument("--port", type=int, default=0, help="default: a free one")
    parser.add_argument("--read-only", action="store_true", help="without the buttons")
    parser.add_argument("--no-browser", action="store_true", help="only print the address")
    parser.add_argument(
        "--json", action="store_true", help="print one JSON object on stdout and nothing else"
    )


def _watch(arguments: argparse.Namespace) -> int:
    from automl.errors import UsageError, check_all
    from automl.experiment.paths import experiment_folder
    from automl.files import json_text
    from automl.live.server import LiveServer, serve
    from automl.live.source import LiveExperiment

    roots: list[Path] = []
    check_all(*(lambda name=name: roots.append(experiment_folder(name))
                for name in arguments.experiment))  # fmt: skip
    if len({root.resolve() for root in roots}) < len(roots):
        raise UsageError(f"{' '.join(arguments.experiment)}: an experiment is named twice")
    server = LiveServer(
        [LiveExperiment(root) for root in roots],
        host=arguments.host, port=arguments.port, may_act=not arguments.read_only,
    )  # fmt: skip

    def announce(url: str) -> None:
        names = ", ".join(str(root) for root in roots)
        text = json_text({"url": url}) if arguments.json else (
            f"watching {names}: {url}  (Ctrl-C ends it)"
        )  # fmt: skip
        print(text, flush=True)
        has_desktop = sys.platform == "darwin" or any(
            map(os.environ.get, ("DISPLAY", "WAYLAND_DISPLAY"))
        )
        if has_desktop and not arguments.no_browser:
            webbrowser.open(url)

    serve(server, announce)
    return 0
