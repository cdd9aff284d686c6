"""Starts Ray here or joins a cluster, with Ray's settings as a search needs them meanwhile."""

import atexit
import concurrent.futures
import logging
import os
import secrets
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import ray
from ray._private import ray_constants
from ray._private.node import Node
from ray.train._internal import storage as tune_storage
from ray.tune.execution.class_cache import DEFAULT_ENV_VARS, ENV_VARS_TO_PROPAGATE

from automl.errors import Stopped, UsageError
from automl.files import make_private, make_private_folder
from automl.runners.cluster import check_answers
from automl.runners.ray_janitor import ray_folder
from automl.runners.ray_watch import watched
from automl.version import install_command

_ENVIRONMENT = {
    "RAY_USAGE_STATS_ENABLED": "0",
    # A trial without a GPU keeps CUDA_VISIBLE_DEVICES as it is.
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "RAY_AIR_NEW_OUTPUT": "0",
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
    "TUNE_DISABLE_SIGINT_HANDLER": "1",
    # Tune's own state is never restored: seconds between two times that it is saved.
    "TUNE_GLOBAL_CHECKPOINT_S": "1000000",
}
"""Read by Ray when it starts and when Tune runs; the user's own values win."""
_OF_OWN_RAY = {
    # Other machines cannot join it, as on Windows and macOS: it listens on 127.0.0.1 alone.
    ray_constants.ENABLE_RAY_CLUSTERS_ENV_VAR: "0",
    # Its control service is not restarted: what waits for a dead one, also in code that nothing
    # can interrupt, ends after these seconds, not after 60.
    "RAY_gcs_rpc_server_reconnect_timeout_s": "20",
    # A training has the priority of its search; with Ray's 15 it starves beside other work.
    "RAY_worker_niceness": "0",
    # The workers that Ray starts early load Tune before they are asked to.
    "RAY_preload_python_modules": "automl.runners.ray",
}
"""The same of a Ray that is started here."""
_NEEDLESS = ("start_api_server", "start_monitor", "start_log_monitor")
"""What starts the dashboard, the autoscaler and the copy of the workers' output: `ray.init` has no
switch for them, and waits for the first for a second or more."""
_CLIENT_TRIES = 3
"""Attempts to join a cluster by ray://."""
_START_S = 60.0
"""For how long an interrupted start of Ray may go on to its end."""
_FAULT_S = 5.0
"""The same for a start that a part of Ray did not survive."""
_NOT_JOINED = (ConnectionError, RuntimeError, ray.exceptions.RayError)


@contextmanager
def ray_session(address: str | None, meanwhile: Callable[[], None]) -> Iterator[str]:
    """Start Ray here, or join the cluster at an address, which stays up afterwards.

    While a Ray starts here, which is seconds of waiting, `meanwhile` is called.

    Yields a folder for the session's files, which is removed with all processes of a Ray that was
    started here, also if this process is killed.

    Raises `UsageError` if the cluster cannot be joined or this process uses Ray already, `Stopped`
    if Ray does not start or dies. Changes of the environment, of Ray's globals and of its log
    levels end with the context.
    """
    _OwnRay.await_given_up()
    if ray.is_initialized():  # Another's, which is not ours to shut down.
        raise UsageError(
            "this process uses Ray already, and a search starts or joins its own: call "
            'ray.shutdown() first, or take the runner "local"'
        )
    handler = signal.getsignal(signal.SIGTERM)
    settings = dict(_ENVIRONMENT)
    with ExitStack() as surroundings:
        folder = surroundings.enter_context(ray_folder())
        if address is None:
            settings |= {**_OF_OWN_RAY, **_token_elsewhere(folder)}
        surroundings.enter_context(_environment(settings))
        surroundings.enter_context(_without_variables_of_tune())
        surroundings.enter_context(_quiet("ray.tune", "ray.air"))
        own = _OwnRay(folder) if address is None else None
        try:
            if address is not None:
                _connect(address)
            with watched(address) as fault:
                if own is not None:
                    own.start(fault, meanwhile)
                if threading.current_thread() is threading.main_thread():
                    # Ray installs one that ends the process on the spot.
                    signal.signal(signal.SIGTERM, handler)
                yield folder
        finally:
            if own is not None:
                own.end(surroundings)
            else:
                ray.shutdown()


@contextmanager
def staged_in(folder: str) -> Iterator[None]:
    """Let Tune stage its files in a folder.

    It would ask the node that this process is on, and by ray:// the driver is on none.
    """
    if not ray.util.client.ray.is_connected():  # type: ignore[no-untyped-call]
        yield
        return
    original = tune_storage._get_ray_train_session_dir  # type: ignore[attr-defined]
    tune_storage._get_ray_train_session_dir = lambda: folder  # type: ignore[attr-defined]
    try:
        yield
    finally:
        tune_storage._get_ray_train_session_dir = original  # type: ignore[attr-defined]


def amounts_by_node() -> list[dict[str, float]]:
    """Return what each living machine of the cluster has, by Ray's names."""
    nodes = ray.nodes()  # type: ignore[no-untyped-call]
    return [dict(node["Resources"]) for node in nodes if node["Alive"]]


@contextmanager
def _environment(settings: dict[str, str]) -> Iterator[None]:
    added = {name: value for name, value in settings.items() if name not in os.environ}
    os.environ.update(added)
    before = ray_constants.ENABLE_RAY_CLUSTER
    if ray_constants.ENABLE_RAY_CLUSTERS_ENV_VAR in added:
        # Ray has read the variable when it was imported.
        ray_constants.ENABLE_RAY_CLUSTER = False
    try:
        yield
    finally:
        ray_constants.ENABLE_RAY_CLUSTER = before
        for name in added:
            os.environ.pop(name, None)


@contextmanager
def _without_needless_parts() -> Iterator[None]:
    """Start only what a search needs of Ray: control service, raylet, and their agents."""
    originals = {name: getattr(Node, name) for name in _NEEDLESS}
    for name in originals:
        setattr(Node, name, lambda _node, **_options: None)
    try:
        yield
    finally:
        for name, start in originals.items():
            setattr(Node, name, start)


@contextmanager
def _without_variables_of_tune() -> Iterator[None]:
    """Keep Tune from giving its actors an environment of their own.

    AWS_* would pass through Ray's logs; the actors inherit them anyway, as children of this
    machine's Ray, or of the cluster's. Without a variable of their own the actors run in the
    workers that Ray starts early. What is left out, PL_DISABLE_FORK, is for trainings in a process
    with Ray's threads; ours have none.
    """
    secrets = {name for name in ENV_VARS_TO_PROPAGATE if name.startswith("AWS_")}
    defaults = dict(DEFAULT_ENV_VARS)
    ENV_VARS_TO_PROPAGATE.difference_update(secrets)
    DEFAULT_ENV_VARS.clear()
    try:
        yield
    finally:
        DEFAULT_ENV_VARS.update(defaults)
        ENV_VARS_TO_PROPAGATE.update(secrets)


@contextmanager
def _quiet(*names: str) -> Iterator[None]:
    """Silence loggers: a worker's death becomes its trial's failure, and Ray would trace it too."""
    loggers = [logging.getLogger(name) for name in names]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def _connect(address: str) -> None:
    check_answers(address)
    try:
        _join(address)
    except _NOT_JOINED as error:
        raise UsageError(
            f"--address {address}: no Ray cluster could be joined ({_first_sentence(error)}); one "
            "is started on its first machine with: ray start --head (docs/clusters.md says more)"
        ) from error
    except ImportError as error:
        raise UsageError(
            f"--address {address}: {error}; install it with: {install_command('ray')}"
        ) from error


class _OwnRay:
    """The Ray of a session, started in a thread of its own, so that signals reach the main one.

    Ray's compiled code waits for a dead control service without looking at signals; after a minute
    it ends the process. The thread stays until Ray goes: the kernel ends the processes that a
    thread has started together with it.
    """

    _given_up: threading.Thread | None = None
    """The thread of the last start that was given up."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._thread = threading.Thread(target=self._run, name="ray", daemon=True)
        self._started: concurrent.futures.Future[None] = concurrent.futures.Future()
        self._has_fault = False
        self._is_over = threading.Event()
        self._left = ExitStack()

    @classmethod
    def await_given_up(cls) -> None:
        """Wait for the end of a start that was given up: two threads would be within Ray.

        Raises `Stopped` if it does not end.
        """
        if cls._given_up is not None:
            cls._given_up.join(_START_S)
            if cls._given_up.is_alive():
                raise Stopped("an earlier start of Ray, which was interrupted, has not ended yet")

    def start(self, fault: Callable[[], str | None], meanwhile: Callable[[], None]) -> None:
        """Return when Ray has started; `fault` returns which part of it has died.

        Raises `Stopped` if it does not start.
        """
        self._thread.start()
        try:
            meanwhile()
            error = self._started.exception()
        except KeyboardInterrupt:
            # A start that ends can be shut down in order; one without a part of Ray may not end.
            self._has_fault = fault() is not None
            concurrent.futures.wait([self._started], _FAULT_S if self._has_fault else _START_S)
            raise
        if error is not None:  # Ray raises plain ones if a part of it does not come up.
            raise Stopped(f"Ray did not start ({_first_sentence(error)})") from error
        # Whoever reads it can run code as this user, and Ray lets everybody.
        make_private(_token())

    def _run(self) -> None:
        try:
            with _without_needless_parts():
                ray.init(
                    # Not RAY_ADDRESS: a cluster is joined only if the user asks for it.
                    "local",
                    include_dashboard=False,
                    log_to_driver=False,
                    logging_level=logging.ERROR,
                    _temp_dir=self._folder,
                )
        except BaseException as error:
            self._started.set_exception(error)
        else:
            self._started.set_result(None)
        self._is_over.wait()
        if _OwnRay._given_up is self._thread:
            with self._left:
                ray.shutdown()

    def end(self, surroundings: ExitStack) -> None:
        """Shut Ray down, unless it still starts: then two threads would be within it.

        A start that was given up, as by a second Ctrl-C, is shut down by its own thread when it has
        ended, and its surroundings stay until then: without its folder, Ray would end the process,
        which may be a notebook's. If the process ends before, so do Ray's parts. If one of them
        has died, nothing is waited for.
        """
        if self._started.done() or not self._thread.is_alive():
            ray.shutdown()
        else:
            atexit.unregister(ray.shutdown)
            if not self._has_fault:
                self._left = surroundings.pop_all()
                _OwnRay._given_up = self._thread
        self._is_over.set()


def _token() -> Path:
    return Path.home() / ".ray" / "auth_token"


def _token_elsewhere(folder: str) -> dict[str, str]:
    """Return the setting of a token in `folder` if Ray cannot write its own to the home."""
    make_private_folder(_token().parent)
    if _token().exists() or os.access(_token().parent, os.W_OK):
        return {}
    place = Path(folder) / "auth_token"
    place.touch(mode=0o600)
    place.write_text(secrets.token_hex(32))
    return {"RAY_AUTH_TOKEN_PATH": str(place)}


def _first_sentence(error: BaseException) -> str:
    return " ".join(str(error).split(". ", maxsplit=1)[0].split())


def _join(address: str) -> None:
    """Join a cluster; one that starts a process for each client may need a second attempt."""
    tries = _CLIENT_TRIES if address.startswith("ray://") else 1
    for left in reversed(range(tries)):
        try:
            ray.init(address, log_to_driver=False, logging_level=logging.ERROR)
            return
        except _NOT_JOINED:
            if not left:
                raise
            time.sleep(1)
