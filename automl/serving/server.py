"""Finds the model to serve, and runs the service."""

import socket
from dataclasses import dataclass
from pathlib import Path

import uvicorn

from automl.errors import UsageError
from automl.experiment.experiment import Experiment
from automl.experiment.paths import experiment_folder
from automl.serving.app import Limits, app_of
from automl.skill.failures import faults_of_the_user
from automl.skill.installed import load_skill, skill_of_model

LOOPBACK = "127.0.0.1"


@dataclass(frozen=True)
class Target:
    """A model file and the skill that runs it."""

    skill: str
    model: Path

    @classmethod
    def of(cls, name: str, skill: str | None = None) -> "Target":
        """Return the model of a file, or the promoted one of an experiment.

        Raises `UsageError` if there is none.
        """
        if Path(name).is_file():
            return cls(skill or skill_of_model(Path(name)), Path(name))
        experiment = Experiment.load(experiment_folder(name))
        return cls(skill or experiment.settings.skill, experiment.promoted_model)


def serve(target: Target, limits: Limits, *, host: str = LOOPBACK, port: int = 0) -> None:
    """Serve a model until Ctrl-C or SIGTERM; port 0 is a free one.

    Raises `UsageError` for an address that cannot be used and a model that cannot be loaded.
    """
    with faults_of_the_user():
        model = load_skill(target.skill).served_model(target.model)
    with _listening(host, port) as listener:
        address, number = listener.getsockname()[:2]
        print(f"serving {target.model} on http://{address}:{number}  (Ctrl-C ends it)", flush=True)
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
