"""Minimal skill folders in the manner of NVIDIA's, and a program that behaves as TAO's do.

Each family has what made folders of its kind hard to run: the fields and keys are facts, the files
are written here.
"""

import json
import sys
from dataclasses import dataclass, field
from pathlib import Path

import yaml

TRAIN = {"num_epochs": 10, "lr": 0.01, "resume_training_checkpoint_path": ""}


@dataclass(frozen=True)
class Family:
    """One family: its program, its sections beside `train`, and its keys of data."""

    command: str
    sections: dict = field(default_factory=dict)
    """Defaults of the schema by section; a default of a list or mapping is one field."""
    template: dict = field(default_factory=dict)
    """What the template has beside the defaults."""
    data: dict = field(default_factory=dict)
    """``data_sources`` of train."""
    info: dict = field(default_factory=dict)
    """More of skill_info.yaml, e.g. a name."""
    train: dict = field(default_factory=dict)
    kind: str = "yaml"


FOLDER = {"source": "train_datasets"}
FAMILIES = {
    # No objective; keys of data that are plain folders.
    "reid": Family(
        "re_identification train -e {config_path}",
        sections={"dataset": {"train_dataset_dir": "", "query_dataset_dir": ""}},
        data={"dataset.train_dataset_dir": FOLDER, "dataset.query_dataset_dir": FOLDER},
        info={"name": "tao-train-reid"},
    ),
    # Keys of data that are places of a list of mappings.
    "rtdetr": Family(
        "rtdetr train -e {config_path}",
        sections={"dataset": {"train_data_sources": [{"image_dir": "", "json_file": ""}]}},
        data={
            "dataset.train_data_sources[0].image_dir": FOLDER,
            "dataset.train_data_sources[0].json_file": FOLDER,
        },
        info={"name": "tao-train-rtdetr"},
    ),
    # Data that is a list of folders.
    "ocdnet": Family(
        "ocdnet train -e {config_path}",
        sections={"dataset": {"data_path": []}},
        data={"dataset.data_path": {**FOLDER, "list": True}},
        info={"name": "tao-train-ocdnet"},
    ),
    # A collection without properties, null in the schema, whose entries the template names.
    "pose_classification": Family(
        "pose_classification train -e {config_path}",
        sections={"dataset": {"data_path": "", "label_map": None}},
        template={"dataset": {"label_map": {"sitting": 0, "standing": 1}}},
        data={"dataset.data_path": FOLDER},
        info={"name": "tao-train-pose-classification"},
    ),
    # No name, data that is optional, and a value that only another action needs.
    "visual_changenet": Family(
        "visual_changenet train -e {config_path}",
        sections={"dataset": {"csv_path": ""}, "distill": {"teacher": "???"}},
        data={"dataset.csv_path": {**FOLDER, "optional": True}},
    ),
    # A key that spec_params fills with a value, and weights that TAO's service downloads.
    "depth_net": Family(
        "depth_net train -e {config_path}",
        sections={"dataset": {"dataset_name": "", "data_file": ""}, "model": {"weights": ""}},
        data={"dataset.data_file": FOLDER},
        info={
            "name": "tao-train-depth",
            "spec_params": {
                "train": {
                    "results_dir": "output_dir",
                    "dataset.dataset_name": "MonoDataset",
                    "model.weights": {"link": "https://example.com/w", "destination_path": "/ptm"},
                    "train.resume_training_checkpoint_path": "resume_model",
                }
            },
        },
    ),
    # A script of the shell, TOML, and an own word for the epochs.
    "cosmos": Family(
        'kind="$(printf sft)"\ntest -n "$kind"\ncosmos-rl --config {config_path} "$kind"\n',
        sections={"dataset": {"annotation_path": ""}},
        data={"dataset.annotation_path": FOLDER},
        info={"network_arch": "cosmos", "spec_shorthand_keys": {"num_epochs": "train.epoch"}},
        train={"epoch": 3},
        kind="toml",
    ),
}

PROGRAM = """
import json, sys, tomllib
from pathlib import Path
import yaml

path = Path(next(word for word in sys.argv[1:] if word.endswith((".yaml", ".toml"))))
text = path.read_text()
spec = tomllib.loads(text) if path.suffix == ".toml" else yaml.safe_load(text)
train = spec["train"]
epochs = train.get("num_epochs") or train["epoch"]
folder = Path(spec["results_dir"]) / "train"
folder.mkdir(parents=True, exist_ok=True)
last = folder / "net_model_latest.pth"
first = int(last.read_text()) if train["resume_training_checkpoint_path"] else 0
with (folder / "status.json").open("a") as status:
    def say(**facts):
        line = {"date": "1/2/2026", "time": "3:4:5", "verbosity": "INFO", "message": ""}
        status.write(json.dumps({**line, "status": "RUNNING", **facts}) + chr(10))
        status.flush()

    say(status="STARTED", message="Starting Training Loop.")
    for epoch in range(first, epochs):
        loss = abs(train["lr"] - 0.02) + 1 / (epoch + 1)
        say(epoch=epoch, max_epoch=epochs - 1, kpi={"train_loss": loss})
        say(epoch=epoch, max_epoch=epochs - 1, kpi={"val_loss": loss + 0.1})
        last.write_text(str(epoch + 1))
    say(message="Train finished successfully.")
"""


def write_folder(root, name):
    """Write the folder of a family and return it."""
    family = FAMILIES[name]
    train = {**TRAIN, **family.train}
    if "epoch" in family.train:
        del train["num_epochs"]
    sections = {"results_dir": "", "train": train, **family.sections}
    info = {
        "network_arch": name,
        "automl_enabled": True,
        "actions": {
            "train": {
                "command": family.command,
                "config_format": family.kind,
                "inputs": {key: {"type": "folder"} for key in family.data},
            }
        },
        "data_sources": {"train": family.data},
        "spec_params": {
            "train": {
                "encryption_key": "key",
                "results_dir": "output_dir",
                "train.resume_training_checkpoint_path": "resume_model",
            },
            "export": {"export.onnx_file": "create_onnx_file"},
            "evaluate": {"evaluate.checkpoint": "parent_model"},
        },
        "spec_shorthand_keys": {"num_epochs": "train.num_epochs"},
        **family.info,
    }
    folder = root / name
    for part in ("schemas", "references"):
        (folder / part).mkdir(parents=True)
    schema = {**_node(sections), "default": sections, "automl_default_parameters": ["train.lr"]}
    (folder / "schemas" / "train.schema.json").write_text(json.dumps(schema))
    template = {key: dict(value) if isinstance(value, dict) else value
                for key, value in sections.items()}  # fmt: skip
    for section, values in family.template.items():
        template[section] = {**template[section], **values}
    references = folder / "references"
    (references / "spec_template_train.yaml").write_text(yaml.safe_dump(template))
    (references / "skill_info.yaml").write_text(yaml.safe_dump(info))
    return folder


def write_program(folder, name):
    """Write a program of TAO's manner under a name into a folder that is put on the PATH."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text(f"#!{sys.executable}\n{PROGRAM}")
    path.chmod(0o755)
    return path


def _node(default):
    if isinstance(default, dict):
        return {"type": "object", "properties": {k: _node(v) for k, v in default.items()}}
    if default is None:
        return {"type": "collection", "automl_enabled": False}
    kinds = {str: "string", int: "int", float: "float", list: "list"}
    node = {"type": kinds[type(default)], "default": default}
    return {**node, "minimum": 0.0, "maximum": 1.0} if isinstance(default, float) else node


def program_of(name):
    """Return the name of a family's program."""
    return Path(FAMILIES[name].command.strip().splitlines()[-1].split()[0]).name
