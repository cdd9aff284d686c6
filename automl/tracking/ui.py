"""Serves the MLflow UI on the store of a folder of experiments."""

import os
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
import webbrowser
from pathlib import Path
from types import FrameType

from automl.errors import RunFailed, UsageError
from automl.experiment.derived import read_derived
from automl.experiment.paths import ExperimentPaths
from automl.redact import without_user
from automl.tracking.address import is_server, store_of

START_TIMEOUT_S = 180
_UNUSED = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
"""Of MLflow's server: eight more processes, which evaluate language models; a user's value wins."""
SHOWN = 5
"""Comparison pages that are printed for a folder of experiments, latest first."""


def serve(folder: Path, *, port: int | None = None, opens_browser: bool = True) -> int:
    """Serve the MLflow UI on loopback until it ends and return its exit code."""
    store = store_of(folder)
    if is_server(store):
        _show(without_user(store).rstrip("/"), folder, opens_browser=opens_browser)
        return 0
    port = _free_port() if port is None else _checked_port(port)
    url = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "mlflow", "server", "--backend-store-uri", store,
               "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]  # fmt: skip
    print(f"starting MLflow at {url}", file=sys.stderr, flush=True)
    environment = {**_UNUSED, **os.environ, "MLFLOW_DISABLE_TELEMETRY": "true"}
    # MLflow starts workers of its own: a group of theirs lets us end them all.
    server = subprocess.Popen(command, env=environment, stdout=sys.stderr, start_new_session=True)
    before = signal.signal(signal.SIGTERM, _end)
    try:
        _wait_until_up(url, server)
        _show(url, folder, opens_browser=opens_browser, hint="  (Ctrl-C ends it)")
        return server.wait()
    finally:
        signal.signal(signal.SIGTERM, before)
        os.killpg(server.pid, signal.SIGTERM)
        server.wait()


def pages(folder: Path) -> dict[str, str]:
    """Return the comparison page within the UI by experiment: of one folder, or of the latest."""
    is_one = ExperimentPaths(folder).exists()
    roots = [folder] if is_one else [*folder.iterdir()] if folder.is_dir() else []
    files = {
        root.resolve().name: ExperimentPaths(root).mlflow
        for root in roots
        if ExperimentPaths(root).mlflow.exists()
    }
    latest = sorted(files.items(), key=lambda one: one[1].stat().st_mtime, reverse=True)
    places = {name: read_derived(path) for name, path in latest[:SHOWN]}
    return {name: str(place["compare"]) for name, place in places.items() if "compare" in place}


def _show(url: str, folder: Path, *, opens_browser: bool, hint: str = "") -> None:
    """Print the addresses; on a desktop, open the one experiment's comparison, or the UI."""
    print(f"MLflow UI: {url}{hint}")
    comparisons = pages(folder)
    for name, page in comparisons.items():
        print(f"compare the trials of {name}: {url}/{page}")
    sys.stdout.flush()
    has_desktop = sys.platform == "darwin" or any(
        map(os.environ.get, ("DISPLAY", "WAYLAND_DISPLAY"))
    )
    if opens_browser and has_desktop:
        is_one = ExperimentPaths(folder).exists() and comparisons
        webbrowser.open(f"{url}/{next(iter(comparisons.values()))}" if is_one else url)


def _end(_signal: int, _frame: FrameType | None) -> None:
    raise SystemExit(0)


def _wait_until_up(url: str, server: "subprocess.Popen[bytes]") -> None:
    for _ in range(START_TIMEOUT_S * 2):
        try:
            with urllib.request.urlopen(f"{url}/health", timeout=1):
                return
        except (urllib.error.URLError, OSError):
            pass
        try:
            code = server.wait(timeout=0.5)
        except subprocess.TimeoutExpired:
            continue
        raise RunFailed(f"the MLflow server ended with code {code} before it answered")
    raise RunFailed(f"the MLflow server did not answer within {START_TIMEOUT_S} s")


def _checked_port(port: int) -> int:
    """Return a port that nobody listens on; raises `UsageError` for any other."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except (OSError, OverflowError) as error:
            raise UsageError(
                f"--port: {port} cannot be used ({error}); give another one, or none for a free one"
            ) from error
    return port


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
