"""One process of an action that has several; `segformer.parallel.launch` starts it.

It reads its order as a line of JSON, and writes reports, its result or its error as lines of JSON.
"""

import json
import os
import queue
import signal
import sys
import threading
import traceback
from datetime import timedelta
from importlib import import_module
from pathlib import Path
from typing import Any, TextIO

import torch
from torch import distributed

from segformer.errors import SkillError
from segformer.parallel.launch import Here
from segformer.parallel.topology import LOCAL, Topology
from segformer.result import Result
from segformer.spec.spec import parse
from segformer.storage.encryption import encryption_key_from

_ACTIONS = {
    "train": "segformer.training.loop.train_here",
    "evaluate": "segformer.evaluation.evaluate.evaluate_here",
    "inference": "segformer.evaluation.inference.infer_here",
}
"""The function of each action; only the one that runs is imported."""
_COLLECTIVE_TIMEOUT = timedelta(minutes=30)
"""How long a process waits for the others in a collective operation."""


def main() -> None:
    """Run the action of the order."""
    # Ctrl-C reaches the whole process group; the parent decides what to do.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    channel = _Channel()
    try:
        result = _run(channel)
    except BaseException as error:
        channel.send({"error": _error_report(error)})
        # The interpreter's end would wait for collectives in which other processes still wait.
        os._exit(1)
    files = {name: str(path) for name, path in result.artifacts.items()}
    channel.send({"artifacts": files, "metrics": result.metrics, "note": result.note})
    # Skip the teardown of torch: the system frees the memory faster.
    os._exit(0)


class _Channel:
    """Lines of JSON to and from the parent; this process ends when the parent does."""

    def __init__(self) -> None:
        # Libraries print to stdout too; their output must not mix with the messages.
        self._out: TextIO = os.fdopen(os.dup(1), "w", encoding="utf-8")
        os.dup2(2, 1)
        self._messages: queue.Queue[dict[str, Any]] = queue.Queue()
        threading.Thread(target=self._listen, daemon=True).start()

    def receive(self) -> dict[str, Any]:
        return self._messages.get()

    def send(self, message: dict[str, Any]) -> None:
        self._out.write(json.dumps(message) + "\n")
        self._out.flush()

    def _listen(self) -> None:
        for line in sys.stdin:
            self._messages.put(json.loads(line))
        os._exit(1)


def _run(channel: _Channel) -> Result:
    order = channel.receive()
    fields = order["topology"]
    topology = Topology(**{**fields, "devices": tuple(fields["devices"])})
    number = topology.number_of(int(os.environ[LOCAL]))
    if topology.accelerator == "gpu":
        torch.cuda.set_device(topology.device_of(number))
    distributed.init_process_group(
        "nccl" if topology.accelerator == "gpu" else "gloo",
        rank=number,
        world_size=topology.count,
        timeout=_COLLECTIVE_TIMEOUT,
    )

    def report(epoch: int, metrics: dict[str, float]) -> str:
        channel.send({"report": [epoch, metrics]})
        return str(channel.receive()["answer"])

    module, _, name = _ACTIONS[order["action"]].rpartition(".")
    here: Here = getattr(import_module(module), name)
    spec = parse(order["spec"])
    with encryption_key_from(spec.encryption_key):
        result = here(spec, Path(order["folder"]), topology, report)
    distributed.destroy_process_group()
    return result


def _error_report(error: BaseException) -> dict[str, Any]:
    faults = list(error.faults) if isinstance(error, SkillError) else []
    trace = "".join(traceback.format_exception(error))
    return {"class": type(error).__name__, "faults": faults, "trace": trace}


if __name__ == "__main__":
    main()
