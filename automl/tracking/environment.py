"""The environment variables that MLflow's client reads, set while we import or call it."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

REQUEST_TIMEOUT_S = 8
_TIMEOUT = "MLFLOW_HTTP_REQUEST_TIMEOUT"
_QUIET = {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false"}
# By default MLflow retries a request for four minutes; the mirror catches up later instead.
_IMPATIENT = {
    _TIMEOUT: str(REQUEST_TIMEOUT_S),
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
}


def request_timeout_s() -> float:
    """Return how long a request to a server may take: the user's value, or ours."""
    return float(os.environ.get(_TIMEOUT, REQUEST_TIMEOUT_S))


@contextmanager
def mlflow_environment(uri: str = "") -> Iterator[None]:
    """Set the variables of MLflow's client that the user has not set, and restore them after.

    For a server at `uri` a request gets a timeout of seconds and no retries. MLflow reads both
    from the environment alone, at each request.
    """
    defaults = {**_QUIET, **(_IMPATIENT if uri.startswith("http") else {})}
    with _variables({name: os.environ.get(name, value) for name, value in defaults.items()}):
        yield


@contextmanager
def fluent_environment(uri: str) -> Iterator[None]:
    """Direct MLflow's fluent calls to a store, and restore the variables after.

    They go to the process's address, and take up a run that the caller's shell has open
    (mlflow#15713), which must not become ours.
    """
    with _variables({"MLFLOW_TRACKING_URI": uri, "MLFLOW_RUN_ID": None}):
        yield


@contextmanager
def _variables(values: Mapping[str, str | None]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in values}
    _set(values)
    try:
        yield
    finally:
        _set(before)


def _set(values: Mapping[str, str | None]) -> None:
    for name, value in values.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
