"""Starts the processes of this node, relays the reports of process 0, and ends them together.

Neither torchrun nor Lightning's launchers do this:

- An action is a function call, made by a Ray worker, a notebook or the command line, with a
  callback `report` whose answer decides whether the training continues. torchrun starts scripts and
  has no channel back; Lightning's subprocess launcher starts `sys.argv` again, which here may be
  `automl run` or the notebook's kernel; its spawn launcher has to pickle the callback.
- `evaluate` and `inference` have processes too, but no Lightning Trainer.
- An error of a process must reach the caller as the class it was raised as (`errors`), because the
  class decides the exit code and whether a search retries the trial. torchrun reports exit codes.
- WORLD_SIZE is the number of nodes here, as in TAO. torchrun sets it to the number of processes.

So the processes are plain subprocesses that exchange JSON lines with this one. Only the process
group that they form (`parallel.worker`) is torch's.
"""

import json
import os
import queue
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from segformer import errors
from segformer.action import started
from segformer.errors import SkillError
from segformer.parallel.topology import LOCAL, Topology, topology_of
from segformer.result import Report, Result
from segformer.spec.sections.devices import Devices
from segformer.spec.spec import Spec

LOG = "processes.log"
"""The file in the action's folder for the output of the processes."""

Here = Callable[[Spec, Path, Topology, Report | None], Result]
"""An action in one process."""


def run_action(
    action: str,
    spec: Spec,
    folder: Path,
    here: Here,
    report: Report | None = None,
    *,
    keeps_spec: bool = False,
    replaces: Sequence[str] = (),
) -> Result:
    """Run an action in as many processes as its section asks for; a single one is this process.

    This process writes status and spec; see `started` for `keeps_spec` and `replaces`. Nodes other
    than the first use a subfolder of their own.
    """
    settings: Devices = getattr(spec, action)
    topology = topology_of(action, settings)
    own = folder if topology.node == 0 else folder / f"node_{topology.node}"
    with started(action, spec, own, keeps_spec=keeps_spec, replaces=replaces) as status:
        if topology.count == 1:
            result = here(spec, folder, topology, report)
        else:
            result = _launched(action, spec, folder, own / LOG, topology, report)
        word = "SKIPPED" if result.note else "SUCCESS"
        status.write(word, result.note or f"{action} finished", kpi=result.metrics)
    return result


def _launched(
    action: str, spec: Spec, folder: Path, log: Path, topology: Topology, report: Report | None
) -> Result:
    order = {"action": action, "spec": spec.model_dump(mode="json"), "folder": str(folder)}
    with _processes(topology, order, log) as children:
        return _attend(children, topology, report, log)


class _Child:
    """One process of this node."""

    def __init__(self, local: int, process: "subprocess.Popen[str]") -> None:
        self.local = local
        self.process = process

    def listen(self, messages: "queue.Queue[tuple[int, dict[str, Any] | None]]") -> None:
        """Queue each line of the process as (local number, message), and None at its end."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            messages.put((self.local, json.loads(line)))
        messages.put((self.local, None))

    def send(self, message: dict[str, Any]) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(message) + "\n")
        self.process.stdin.flush()


def _attend(children: list[_Child], topology: Topology, report: Report | None, log: Path) -> Result:
    """Answer the reports of the processes until all have ended; the first error ends them all."""
    messages: queue.Queue[tuple[int, dict[str, Any] | None]] = queue.Queue()
    for child in children:
        threading.Thread(target=child.listen, args=(messages,), daemon=True).start()
    results: dict[int, Result] = {}
    ended = 0
    while ended < len(children):
        local, message = messages.get()
        if message is None:
            ended += 1
            if local not in results:
                raise _death(children[local].process.wait(), topology.number_of(local), log)
        elif "report" in message:
            epoch, metrics = message["report"]
            answer = report(epoch, metrics) if report else "continue"
            children[local].send({"answer": answer})
        elif "error" in message:
            raise _error(message["error"], topology.number_of(local))
        else:
            files = {name: Path(path) for name, path in message["artifacts"].items()}
            results[local] = Result(files, message["metrics"], message["note"])
    return results[0]


@contextmanager
def _processes(topology: Topology, order: dict[str, Any], log: Path) -> Iterator[list[_Child]]:
    """Start this node's processes, and kill those that still run on leaving."""
    port = topology.port or _free_port()
    children: list[_Child] = []
    try:
        with log.open("a", encoding="utf-8") as output:
            for local in range(len(topology.devices)):
                process = subprocess.Popen(
                    [sys.executable, "-m", "segformer.parallel.worker"],
                    env=_environment(topology, local, port),
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=output,
                    text=True,
                )
                children.append(_Child(local, process))
                children[-1].send({**order, "topology": vars(topology)})
        yield children
    finally:
        for child in children:
            child.process.kill()
        for child in children:
            # Leaving the context closes the pipes and reaps the process.
            with child.process:
                pass


def _environment(topology: Topology, local: int, port: int) -> dict[str, str]:
    threads = max(1, (os.cpu_count() or 1) // len(topology.devices))
    loopback = {"GLOO_SOCKET_IFNAME": "lo"} if topology.address == "127.0.0.1" else {}
    return {
        "OMP_NUM_THREADS": str(threads),
        **loopback,
        **os.environ,
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
        LOCAL: str(local),
        "NODE_RANK": str(topology.node),
        "MASTER_ADDR": topology.address,
        "MASTER_PORT": str(port),
    }


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


def _error(report: dict[str, Any], number: int) -> Exception:
    """The error that a process reported; an error of ours keeps its class."""
    kind = getattr(errors, report["class"], None)
    if isinstance(kind, type) and issubclass(kind, SkillError):
        return kind(report["faults"])
    return RuntimeError(f"process {number} failed: {report['trace']}")


def _death(code: int, number: int, log: Path) -> SkillError:
    cause = f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with {code}"
    hint = " (the system does so when memory is exhausted)" if code == -signal.SIGKILL else ""
    return SkillError(f"process {number} {cause}{hint}; its output is in {log}")
