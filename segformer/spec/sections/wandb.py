"""The spec's wandb section: logging to Weights & Biases."""

from typing import Any

from pydantic import ValidationInfo, field_validator

from segformer.spec.fields import Node, applies, setting


class Wandb(Node):
    """Weights & Biases; off by default, since it sends data to a server."""

    enable: bool = setting(
        False, "Enable", "Log the training to Weights & Biases (pip install wandb)"
    )
    project: str = setting("TAO Toolkit", "Project", "Project that the run is in")
    entity: str = setting("", "Entity", "User or team; empty: that of the login")
    group: str = setting("", "Group", "Group that the run is in; empty: none")
    name: str = setting("TAO Toolkit Training", "Name", "Name of the run")
    run_id: str = setting("", "Run id", "Id of a run to resume; empty: a new run")
    tags: list[str] = setting(["tao-toolkit"], "Tags", "Tags of the run")
    reinit: bool = setting(False, "Another run", "First finish a run that this process has open")
    save_code: bool = setting(False, "Save the code", "Send the code of the main program")
    sync_tensorboard: bool = setting(False, "Sync TensorBoard", "Send the TensorBoard events")

    @field_validator(
        *("project", "entity", "group", "name", "run_id", "tags", "reinit", "save_code"),
        "sync_tensorboard",
    )
    @classmethod
    def _if_enabled(cls, value: Any, info: ValidationInfo) -> Any:
        return applies(cls, value, info, "wandb.enable=true", enable=(True,))
