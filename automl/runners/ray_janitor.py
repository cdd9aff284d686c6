"""Cleans up after a search on Ray, however its driver ends: Ray's processes and its folder.

Run as a program it waits for the end of its stdin, a pipe that only the driver holds open. Ray's
processes, which the driver started, are known by a variable of their environment. A trial's process
has its own leash and is spared: the leash ends more than Ray's environment reaches.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

MARK = "AUTOML_RAY_FOLDER"
"""The variable that marks Ray's processes: its value is the folder."""
_LONGEST = 43
"""Bytes of a folder for Ray: a socket in it has at most 64 more, and Linux allows 107."""
_PREFIX = "automl-ray-"
_PLACES = ("RAY_TMPDIR", "TMPDIR")
_SHORT = ("/tmp", "/var/tmp", "/dev/shm")
_PATIENCE_S = 5.0
_PAUSE_S = 0.05


@contextmanager
def ray_folder() -> Iterator[str]:
    """Make a folder for Ray's files; it and Ray's processes go at the end, or with the driver.

    Raises `OSError` if no folder can be made whose path is short enough for Ray's sockets.
    """
    folder = _short_folder()
    with subprocess.Popen(
        [sys.executable, "-I", __file__, folder], stdin=subprocess.PIPE, start_new_session=True
    ) as janitor:
        os.environ[MARK] = folder
        try:
            yield folder
        finally:
            del os.environ[MARK]
            assert janitor.stdin is not None
            janitor.stdin.close()


def _short_folder() -> str:
    """Return a new folder in the user's place for temporary files, or in /tmp if that is long."""
    for place in (*(os.environ.get(name) for name in _PLACES), *_SHORT):
        if place and len(os.fsencode(place)) + len(_PREFIX) + 9 <= _LONGEST:
            with contextlib.suppress(OSError):
                return tempfile.mkdtemp(prefix=_PREFIX, dir=place)
    raise OSError(f"no folder for Ray's sockets can be made in {', '.join(_SHORT)}")


def main(folder: str) -> None:
    """Wait for the end of stdin; then end Ray's processes and remove the folder."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    while os.read(0, 64):
        pass
    deadline = time.monotonic() + _PATIENCE_S
    while (pids := _processes(folder)) and time.monotonic() < deadline:
        for pid in pids:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(_PAUSE_S)
    shutil.rmtree(folder, ignore_errors=True)


def _processes(folder: str) -> list[int]:
    """Return the living processes of the Ray whose folder this is."""
    mark = os.fsencode(f"{MARK}={folder}\0")
    pids = []
    for path in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            is_marked = mark in (path / "environ").read_bytes() + b"\0"
            if is_marked or _is_agent(path, folder):
                pids.append(int(path.name))
    return pids


def _is_agent(process: Path, folder: str) -> bool:
    """Whether a process has Ray's title, written over its environment, and a file in the folder."""
    if not (process / "cmdline").read_bytes().startswith(b"ray::"):
        return False
    files = [str(file.readlink()) for file in (process / "fd").iterdir()]
    return any(file.startswith(f"{folder}/") for file in files)


if __name__ == "__main__":
    main(sys.argv[1])
