"""Runs the service of a model."""

import socket
from pathlib import Path

import uvicorn

from automl.errors import UsageError
from automl.serving.app import Limits, app_of
from automl.skill.failures import faults_of_the_user
from automl.skill.installed import load_skill

LOOPBACK = "127.0.0.1"


def serve(skill: str, path: Path, limits: Limits, *, host: str = LOOPBACK, port: int = 0) -> None:
    """Serve the model of a file until Ctrl-C or SIGTERM; port 0 is a free one.

    Raises `UsageError` for an address that cannot be used and a model that cannot be loaded.
    """
    with faults_of_the_user():
        model = load_skill(skill).served_model(path)
    with _listening(host, port) as listener:
        address, number = listener.getsockname()[:2]
        print(f"serving {path} on http://{address}:{number}  (Ctrl-C ends it)", flush=True)
        config = uvicorn.Config(app_of(model, limits), log_level="warning", lifespan="on")
        uvicorn.Server(config).run(sockets=[listener])


def _listening(host: str, port: int) -> socket.socket:
    try:
        return socket.create_server((host, port))
    except (OSError, OverflowError) as error:
        raise UsageError(
            f"--host {host} --port {port}: cannot be used ({error}); give another one, or no port "
            "for a free one"
        ) from error
