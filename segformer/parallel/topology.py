"""The processes of an action, and their devices and nodes."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import torch

from segformer.errors import SpecError
from segformer.parallel.devices import chosen_devices
from segformer.spec.sections.devices import Devices

LOCAL = "LOCAL_RANK"
"""The environment variable with the number of a process on its node, as Lightning reads it."""

_LOOPBACK = "127.0.0.1"


@dataclass(frozen=True)
class Topology:
    """One process for each device of each node; this node is number `node`."""

    accelerator: Literal["cpu", "gpu"]
    devices: tuple[int, ...]
    """The numbers of this node's GPUs; on the CPU, the numbers of its processes."""
    num_nodes: int = 1
    node: int = 0
    address: str = _LOOPBACK
    """The address on which process 0 listens."""
    port: int = 0
    """Its port; 0 picks a free one, which works on a single node only."""

    @property
    def count(self) -> int:
        """The number of processes on all nodes; every node has the same number."""
        return len(self.devices) * self.num_nodes

    def number_of(self, local: int) -> int:
        """The global number of this node's process `local`."""
        return self.node * len(self.devices) + local

    def device_of(self, number: int) -> torch.device:
        """The device of process `number`, counted over all nodes."""
        if self.accelerator == "cpu":
            return torch.device("cpu")
        return torch.device("cuda", self.devices[number % len(self.devices)])


def topology_of(
    action: str, settings: Devices, environ: Mapping[str, str] = os.environ
) -> Topology:
    """Return the processes that an action's section and the environment ask for.

    As in TAO, WORLD_SIZE in the environment is the number of nodes. It overrides the spec, as does
    NUM_GPU_PER_NODE, and NODE_RANK, MASTER_ADDR and MASTER_PORT must then be set. Raises
    `SpecError` for devices that this machine does not have.
    """
    num_nodes, per_node = settings.num_nodes, settings.num_gpus
    if "WORLD_SIZE" in environ:
        num_nodes = _number(environ, "WORLD_SIZE", low=1)
        if settings.num_nodes not in (1, num_nodes):
            raise SpecError(
                f"{action}.num_nodes: value {settings.num_nodes}, but WORLD_SIZE, the number of"
                f" nodes, is {num_nodes} in the environment; let them agree"
            )
        if "NUM_GPU_PER_NODE" in environ:
            per_node = _number(environ, "NUM_GPU_PER_NODE", low=1)
    present = torch.cuda.device_count() if torch.cuda.is_available() else 0
    accelerator, devices = chosen_devices(action, settings, per_node, present=present)
    if num_nodes * per_node > 1 and "TORCHELASTIC_RUN_ID" in environ:
        raise SpecError("torchrun is not needed: start the command once a node, without it")
    if num_nodes == 1:
        return Topology(accelerator, devices)
    missing = [name for name in ("NODE_RANK", "MASTER_ADDR", "MASTER_PORT") if name not in environ]
    if missing:
        raise SpecError(
            f"{action}.num_nodes: {num_nodes} nodes need {', '.join(missing)} in the environment of"
            " each: its number from 0, and the address and port of node 0"
        )
    return Topology(
        accelerator,
        devices,
        num_nodes=num_nodes,
        node=_number(environ, "NODE_RANK", low=0, high=num_nodes - 1),
        address=environ["MASTER_ADDR"],
        port=_number(environ, "MASTER_PORT", low=1, high=65535),
    )


def _number(environ: Mapping[str, str], name: str, *, low: int, high: int | None = None) -> int:
    text = environ[name]
    if not text.isdecimal() or int(text) < low or (high is not None and int(text) > high):
        allowed = f"{low} or more" if high is None else f"{low} to {high}"
        raise SpecError(f"{name}={text} in the environment: must be a number, {allowed}")
    return int(text)
