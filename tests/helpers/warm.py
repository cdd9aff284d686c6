"""Runs commands in forks of one process, which has loaded the libraries once: that takes seconds.

`python warm.py SOCKET` serves until its stdin ends; `program` writes the file that stands for a
command and asks it. It is the real command in a process of its own, which gets the signals sent to
the file's process, and that ends as it does. It also dies with that, a moment later: who kills it
and looks at once kills `pid_of`. Those of the docs are cut (`is_cut`): their budgets (`SMALL`), and
generated data sets (`_thin`).
"""

import gc
import json
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Mapping
from contextlib import suppress
from importlib import import_module
from pathlib import Path

_ENCODER = "model.backbone.type"
_SPEC = ["dataset.segment.img_size=32", "dataset.segment.batch_size=2",
         "dataset.segment.workers=0", f"{_ENCODER}=efficientnet_lite0",
         "model.decode_head.decoder_params.embed_dim=16"]  # fmt: skip
SMALL = {
    ("automl", "run"): ["--epochs", "1", "--runner", "local", "--tracker", "none", *_SPEC],
    ("automl", "job", "run", "train"): ["num_epochs=1", *_SPEC],
    ("segformer", "train"): [
        "train.num_epochs=1",
        "train.checkpoint_interval=1",
        "train.validation_interval=1",
        *_SPEC,
    ],
}
"""What is added to a command of segformer's in the docs, so that it takes seconds."""

LONG = ["--epochs", "60", "--trials", "20", "--runner", "local", "--tracker", "none", *_SPEC]
"""What is added to a search that others act on while it runs: it takes minutes."""

_LOADED = (
    "automl.api.runs", "automl.search.auto.searcher", "automl.search.proposers.optuna",
    "automl.tracking.mlflow", "automl.runners.ray", "onnxruntime", "sklearn.ensemble",
    "segformer.skill",
    "segformer.training.loop", "segformer.evaluation.evaluate", "segformer.export.onnx",
    "segformer.quantization.quantize", "segformer.model.encoders.mit",
    "mlflow.store.tracking.sqlalchemy_store", "mlflow.store.model_registry.sqlalchemy_store",
    "onnx.reference.ops",
)  # fmt: skip


PYTHON = "WARM_PYTHON"
"""The variable for what a command takes for `sys.executable`, with which it starts others."""


def program(path: Path, address: str, *, is_cut: bool = False) -> None:
    """Write an executable that hands its words, place, environment and streams to the server."""
    path.write_text(
        f"#!{sys.executable} -IS\n"
        "import json, os, signal, socket, sys\n"
        "passed = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP}\n"
        "signal.pthread_sigmask(signal.SIG_BLOCK, passed)\n"
        f"asked = [{path.name!r}, *sys.argv[1:]], os.getcwd(), dict(os.environ), {is_cut}\n"
        "def pass_on(number, frame):\n"
        "    try:\n"
        "        os.kill(pid, number)\n"
        "    except ProcessLookupError:\n"
        "        pass\n"
        "with socket.socket(socket.AF_UNIX) as line, line.makefile() as answer:\n"
        f"    line.connect({address!r})\n"
        "    socket.send_fds(line, [b'.'], [0, 1, 2])\n"
        "    line.sendall(json.dumps(asked).encode() + b'\\n')\n"
        "    pid = int(answer.readline())\n"
        "    with open('/proc/self/comm', 'w') as name:\n"
        "        name.write(f'for {pid}')\n"
        "    for number in passed:\n"
        "        signal.signal(number, pass_on)\n"
        "    signal.pthread_sigmask(signal.SIG_UNBLOCK, passed)\n"
        "    code = int(answer.readline() or '70')\n"
        "if code < 0:\n"
        "    if code != -signal.SIGKILL:\n"
        "        signal.signal(-code, signal.SIG_DFL)\n"
        "    os.kill(os.getpid(), -code)\n"
        "sys.exit(code)\n"
    )
    path.chmod(0o755)


def pid_of(process: "subprocess.Popen[str]") -> int:
    """Return the process that carries out the command of a `program`, once it has begun."""
    while not (name := Path(f"/proc/{process.pid}/comm").read_text()).startswith("for "):
        assert process.poll() is None
        time.sleep(0.01)
    return int(name.split()[1])


def serve(address: str) -> None:
    """Answer until stdin ends, and then end all that was forked."""
    gc.disable()  # Of what is being loaded, nothing is garbage.
    for name in _LOADED:
        import_module(name)
    _work_out()
    tables = import_module("migrated").tables_made_once(Path(f"{address}.mlflow.db"))
    gc.freeze()  # A fork that looked for garbage here would copy every page.
    gc.enable()
    with tables, socket.socket(socket.AF_UNIX) as door:
        door.bind(address)
        door.listen()
        _attend(door)


def _work_out() -> None:
    """Fill caches of a process that do not depend on the command: each fork would do it again."""
    import_module("automl.report.page.page").plotly()
    import_module("sqlalchemy.orm").configure_mappers()
    # By it MLflow looks whether what a model requires is installed.
    import_module("mlflow.utils.requirements_utils")._init_modules_to_packages_map()


def _attend(door: socket.socket) -> None:
    """Fork for whoever asks; kill the forks that nobody waits for, and say how the others ended."""
    poll = select.poll()
    poll.register(door, select.POLLIN)
    poll.register(sys.stdin, 0)  # Hung up; nothing is sent.
    forks: dict[int, _Fork] = {}
    """By the file of its end and by that of its line."""
    while True:
        ready = {file for file, _ in poll.poll()}
        if sys.stdin.fileno() in ready:  # The tests have ended, however they did.
            os.killpg(0, signal.SIGKILL)
        for file in ready & set(forks):
            if (fork := forks.get(file)) is None:
                continue  # Its line and it ended at once.
            if file != fork.end:
                os.kill(fork.pid, signal.SIGKILL)
            for each in (fork.end, fork.line.fileno()):
                poll.unregister(each)
                del forks[each]
            fork.bury()
        if door.fileno() in ready:
            fork = _Fork(door)
            forks |= {fork.end: fork, fork.line.fileno(): fork}
            poll.register(fork.end, select.POLLIN)
            poll.register(fork.line, 0)  # Hung up; what is sent is for the fork.


class _Fork:
    """A fork of the server that answers one who came to its door."""

    def __init__(self, door: socket.socket) -> None:
        self.line, _ = door.accept()
        self.pid = os.fork()
        if self.pid == 0:
            door.close()
            _answer(self.line)
        self.end = os.pidfd_open(self.pid)
        with suppress(BrokenPipeError):
            self.line.sendall(f"{self.pid}\n".encode())

    def bury(self) -> None:
        """Wait for its end and say how it was."""
        _, status = os.waitpid(self.pid, 0)
        with self.line, suppress(BrokenPipeError, ConnectionResetError):
            self.line.sendall(f"{os.waitstatus_to_exitcode(status)}\n".encode())
        os.close(self.end)


def _answer(line: socket.socket) -> None:
    with line, line.makefile() as asked:
        _, streams, _, _ = socket.recv_fds(line, 1, 3)
        words, folder, environment, is_cut = json.loads(asked.readline())
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    os.chdir(folder)
    inherited = _path_of(os.environ)
    sys.path[:] = [
        folder, *_path_of(environment), *(p for p in sys.path[1:] if p not in inherited)
    ]  # fmt: skip
    os.environ.clear()
    os.environ.update(environment)
    sys.executable = environment.get(PYTHON, sys.executable)
    tempfile.tempdir = None  # By TMPDIR, which is read once.
    if environment.get("OMP_NUM_THREADS"):  # A process of its own would have loaded torch by it.
        import_module("torch").set_num_threads(int(environment["OMP_NUM_THREADS"]))
    code = _code(words, is_cut=is_cut)
    sys.stdout.flush()
    os._exit(code)


def _path_of(environment: Mapping[str, str]) -> list[str]:
    return [part for part in environment.get("PYTHONPATH", "").split(os.pathsep) if part]


def _code(words: list[str], *, is_cut: bool) -> int:
    try:
        if words[:2] == ["python", "-m"]:
            sys.argv = words[2:]
            runpy.run_module(words[2], run_name="__main__", alter_sys=True)
            return 0
        if words[0] == "python":
            exec(compile(sys.stdin.read(), "block", "exec"), {"__name__": "__main__"})
            return 0
        return _cut_command(words) if is_cut else _command(words)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
        return 1


def _command(words: list[str]) -> int:
    from automl.cli import main as automl
    from segformer.cli import main as segformer

    sys.argv = list(words)
    return (automl if words[0] == "automl" else segformer)(words[1:]) or 0


def _cut_command(words: list[str]) -> int:
    own = "--skill" not in words or "segformer" in words
    added = [more for known, more in SMALL.items() if tuple(words[: len(known)]) == known and own]
    if added and words[1] == "run" and "off" not in words:
        added.append(["--trials", "2"])
    if words[:2] == ["automl", "promote"] and any("int8" in word for word in words):
        # 8 bits cost a model of one epoch on four images more than one that learned something.
        added.append(["--max-drop", "0.9"])
    more = [word for group in added for word in group]
    if "--weights" in words or any(word.startswith(f"{_ENCODER}=") for word in words):
        more = [word for word in more if not word.startswith(_ENCODER)]
    code = _command([*words, *more])
    if words[:3] == ["automl", "data", "sample"] and not code:
        _thin(Path(words[3]))
    return code


def _thin(folder: Path) -> None:
    """Leave few images in a generated data set."""
    for split, kept in (("train", 4), ("val", 2), ("test", 2)):
        stems = sorted(path.stem for path in (folder / "images" / split).iterdir())
        for path in folder.glob(f"*/{split}/*"):
            if path.stem not in stems[:kept]:
                path.unlink()


if __name__ == "__main__":
    serve(sys.argv[1])
