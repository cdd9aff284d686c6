"""Names of TAO's fields that the spec classes do not have, to answer a spec of TAO's well.

A test proves that none of them is in the classes by now.
"""

FIELDS = frozenset(
    f"{section}.{name}" if section else name
    for section, names in {
        "": "encryption_key model_name",
        "quantize": "backend_kwargs",
        "train": "checkpoint_interval_unit checkpointer enable_lr_monitor precision",
        "train.optim": "monitor_name",
        "train.segment": "iou_weight weights",
        "train.tensorboard": "enabled infrequent_logging_frequency",
        "wandb": ("enable entity group name project reinit run_id save_code sync_tensorboard tags"),
    }.items()
    for name in names.split()
)


def is_tao_field(key: str) -> bool:
    """Whether a dotted key is a field or a section of TAO's that is not in the classes."""
    return any(
        key == name or f"{name}.".startswith(f"{key}.") or key.startswith(f"{name}.")
        for name in FIELDS
    )
