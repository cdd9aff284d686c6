"""Runs commands in forks of one process, which has loaded the libraries once: that takes seconds.

`python warm.py SOCKET` serves; `program` writes the file that stands for a command and asks it. It
is the real command in a process of its own. Those of the docs are cut (`is_cut`): their budgets
(`SMALL`), and generated data sets (`_thin`).
"""

import gc
import json
import os
import signal
import socket
import sys
import traceback
from collections.abc import Mapping
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
)  # fmt: skip


def program(path: Path, address: str, *, is_cut: bool = False) -> None:
    """Write an executable that hands its words, place, environment and streams to the server."""
    path.write_text(
        f"#!{sys.executable} -IS\n"
        "import json, os, socket, sys\n"
        f"asked = [{path.name!r}, *sys.argv[1:]], os.getcwd(), dict(os.environ), {is_cut}\n"
        "with socket.socket(socket.AF_UNIX) as line:\n"
        f"    line.connect({address!r})\n"
        "    socket.send_fds(line, [b'.'], [0, 1, 2])\n"
        "    line.sendall(json.dumps(asked).encode() + b'\\n')\n"
        "    sys.exit(int(line.recv(8) or b'70'))\n"
    )
    path.chmod(0o755)


def serve(address: str) -> None:
    """Answer until the process is ended."""
    gc.disable()  # Of what is being loaded, nothing is garbage.
    for name in _LOADED:
        import_module(name)
    gc.freeze()  # A fork that looked for garbage here would copy every page.
    gc.enable()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    with socket.socket(socket.AF_UNIX) as door:
        door.bind(address)
        door.listen()
        while True:
            line, _ = door.accept()
            if os.fork() == 0:
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                door.close()
                _answer(line)
            line.close()


def _answer(line: socket.socket) -> None:
    _, streams, _, _ = socket.recv_fds(line, 1, 3)
    words, folder, environment, is_cut = json.loads(line.makefile().readline())
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
    os.chdir(folder)
    inherited = _path_of(os.environ)
    sys.path[:] = [
        folder, *_path_of(environment), *(p for p in sys.path[1:] if p not in inherited)
    ]  # fmt: skip
    os.environ.clear()
    os.environ.update(environment)
    if environment.get("OMP_NUM_THREADS"):  # A process of its own would have loaded torch by it.
        import_module("torch").set_num_threads(int(environment["OMP_NUM_THREADS"]))
    code = _code(words, is_cut=is_cut)
    sys.stdout.flush()
    line.sendall(str(code).encode())
    os._exit(code)


def _path_of(environment: Mapping[str, str]) -> list[str]:
    return [part for part in environment.get("PYTHONPATH", "").split(os.pathsep) if part]


def _code(words: list[str], *, is_cut: bool) -> int:
    try:
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
