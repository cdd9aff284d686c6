"""Starts the processes of this node, passes on what process 0 reports, and ends them together."""

import json
import os
import queue
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
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
"""What the processes print, in the folder of the action."""

Here = Callable[[Spec, Path, Topology, Report | None], Result]
"""An action in one process."""


def run_action(
    action: str, spec: Spec, folder: Path, here: Here, report: Report | None = None
) -> Result:
    """Run an action in as many processes as it asks for: with one, in this one.

    Status and spec are written by this process; on another node than the first, in a folder of
    that node's own.
    """
    settings: Devices = getattr(spec, action)
    topology = topology_of(action, settings)
    own = folder if topology.node == 0 else folder / f"node_{topology.node}"
    with started(action, spec, own) as status:
        if topology.count == 1:
            result = here(spec, folder, topology, report)
        else:
            result = _launched(action, spec, folder, own / LOG, topology, report)
        status.write("SUCCESS", f"{action} finished", kpi=result.metrics)
    return result


def _launched(
    action: str, spec: Spec, folder: Path, log: Path, topology: Topology, report: Report | None
) -> Result:
    order = {"action": action, "spec": spec.model_dump(mode="json"), "folder": str(folder)}
    with _processes(topology, order, log) as children:
        return _attend(children, topology, report, log)


class _Child:
    """One process of this node; its lines come as (local number, message or None at the end)."""

    def __init__(self, local: int, process: "subprocess.Popen[str]") -> None:
        self.local = local
        self.process = process

    def listen(self, heard: "queue.Queue[tuple[int, dict[str, Any] | None]]") -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            heard.put((self.local, json.loads(line)))
        heard.put((self.local, None))

    def tell(self, message: dict[str, Any]) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(message) + "\n")
        self.process.stdin.flush()


def _attend(children: list[_Child], topology: Topology, report: Report | None, log: Path) -> Result:
    """Serve the processes until each has ended; the first error ends them all."""
    heard: queue.Queue[tuple[int, dict[str, Any] | None]] = queue.Queue()
    for child in children:
        threading.Thread(target=child.listen, args=(heard,), daemon=True).start()
    results: dict[int, Result] = {}
    ended = 0
    while ended < len(children):
        local, message = heard.get()
        if message is None:
            ended += 1
            if local not in results:
                raise _death(children[local].process.wait(), topology.number_of(local), log)
        elif "report" in message:
            epoch, metrics = message["report"]
            answer = report(epoch, metrics) if report else "continue"
            children[local].tell({"answer": answer})
        elif "error" in message:
            raise _error(message["error"], topology.number_of(local))
        else:
            files = {name: Path(path) for name, path in message["artifacts"].items()}
            results[local] = Result(files, message["metrics"])
    return results[0]


@contextmanager
def _processes(topology: Topology, order: dict[str, Any], log: Path) -> Iterator[list[_Child]]:
    """Start this node's processes; on leaving, whatever the reason, none is left."""
    port = topology.port or _free_port()
    children: list[_Child] = []
    try:
        with log.open("a", encoding="utf-8") as printed:
            for local in range(len(topology.devices)):
                process = subprocess.Popen(
                    [sys.executable, "-m", "segformer.parallel.worker"],
                    env=_environment(topology, local, port),
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=printed,
                    text=True,
                )
                children.append(_Child(local, process))
                children[-1].tell({**order, "topology": vars(topology)})
        yield children
    finally:
        for child in children:
            child.process.kill()
        for child in children:
            # Leaving it closes its pipes and waits for its end.
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


def _error(told: dict[str, Any], number: int) -> Exception:
    """The error that a process told of; one of ours keeps its class."""
    kind = getattr(errors, told["class"], None)
    if isinstance(kind, type) and issubclass(kind, SkillError):
        return kind(told["faults"])
    return RuntimeError(f"process {number} failed: {told['trace']}")


def _death(code: int, number: int, log: Path) -> SkillError:
    cause = f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with {code}"
    hint = " (the system does so when memory is exhausted)" if code == -signal.SIGKILL else ""
    return SkillError(f"process {number} {cause}{hint}; what it printed is in {log}")
