"""The fields for the devices that an action runs on."""

from typing import Literal

from pydantic import field_validator

from segformer.spec.fields import Count, Int, Node, setting


class Devices(Node):
    """The devices that an action runs on."""

    num_gpus: Int = setting(
        1, "GPUs", "GPUs of a node, one process each; with accelerator cpu, processes",
        ge=1, popular=True,
    )  # fmt: skip
    gpu_ids: list[Count] = setting(
        [0], "GPU numbers", "Which GPUs, as many as num_gpus; [0]: the first ones", popular=True
    )
    num_nodes: Int = setting(
        1, "Nodes", "Machines; NODE_RANK, MASTER_ADDR, MASTER_PORT are then read from the"
        " environment", ge=1, popular=True,
    )  # fmt: skip
    accelerator: Literal["auto", "gpu", "cpu"] = setting(
        "auto", "Accelerator", "auto: GPUs if there are any, else one process on the CPU"
    )

    @field_validator("gpu_ids")
    @classmethod
    def _different(cls, value: list[int]) -> list[int]:
        if not value or len(set(value)) != len(value):
            raise ValueError("must name each GPU once, and at least one")
        return value
