"""Requests by hand to the process that drives an experiment: stop a trial, or add one.

A request is a file in the experiment's folder. The driver takes it in at its next decision,
journals what became of it under the request's id, and removes the file. A request to an experiment
that nothing drives waits for its resume.
"""

import json
import secrets
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from automl.experiment.paths import ExperimentPaths
from automl.files import open_regular, write_json

STOP, ADD = "stop", "add"
_LONGEST = 1_000_000
"""Bytes of a request that are read."""


@dataclass(frozen=True)
class HandRequest:
    """Stop the trial with a number, or add one with these values."""

    id: str
    action: str
    trial: int = -1
    values: Mapping[str, Any] = field(default_factory=dict)
    fault: str = ""
    """What makes the file no request."""

    @classmethod
    def from_text(cls, name: str, text: bytes) -> Self:
        """Return the request in a file; one that makes no sense has a `fault`."""
        try:
            content = json.loads(text)
            action = content["action"]
            if action == STOP and type(content["trial"]) is int:
                return cls(name, STOP, trial=content["trial"])
            if action == ADD:
                return cls(name, ADD, values=dict(content["values"]))
        except (ValueError, KeyError, TypeError, RecursionError):
            pass
        return cls(name, "", fault="is not a request to stop or to add a trial")

    def to_dict(self) -> dict[str, Any]:
        """Return the plain form of ``--json``."""
        about: dict[str, Any] = {}
        if self.action:
            is_stop = self.action == STOP
            about = {"trial": self.trial} if is_stop else {"values": dict(self.values)}
        return {"request": self.id, "action": self.action, **about}


def ask_to_stop(paths: ExperimentPaths, trial: int) -> HandRequest:
    """Leave a request to stop a trial."""
    return _leave(paths, HandRequest(_new_id(), STOP, trial=trial))


def ask_to_add(paths: ExperimentPaths, values: Mapping[str, Any]) -> HandRequest:
    """Leave a request to add a trial with these values, which must be valid in the space."""
    return _leave(paths, HandRequest(_new_id(), ADD, values=values))


def pending(paths: ExperimentPaths) -> Iterator[HandRequest]:
    """Yield the requests that nobody has answered, oldest first."""
    for path in sorted(paths.requests.glob("*.json")):
        try:
            with open_regular(path) as file:
                text = file.read(_LONGEST)
        except OSError:  # It was answered in between.
            continue
        yield HandRequest.from_text(path.stem, text)


def forget(paths: ExperimentPaths, request: str) -> None:
    """Remove a request whose answer is in the journal."""
    (paths.requests / f"{request}.json").unlink(missing_ok=True)


def _new_id() -> str:
    """Return an id that sorts by time."""
    return f"{time.time_ns():020d}-{secrets.token_hex(4)}"


def _leave(paths: ExperimentPaths, request: HandRequest) -> HandRequest:
    write_json(paths.requests / f"{request.id}.json", request.to_dict())
    return request
