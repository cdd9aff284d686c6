"""A model repository for NVIDIA Triton: pictures of any size in, masks out, without Python.

`segformer` is an ensemble of three: `segformer_preparation` and `segformer_decision` take one
picture at a time, of any size; between them `segformer_network` takes batches, which Triton makes
of the pictures of several requests. `segformer_picture` is the same as one graph, for one client.
https://github.com/triton-inference-server/core/blob/main/protobuf/model_config.proto
"""

import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from onnx import ModelProto, TensorProto, ValueInfoProto

from segformer.data.labels import class_names
from segformer.errors import SpecError
from segformer.evaluation.tensorrt import read_facts
from segformer.export.graph import read_graph, write_graph
from segformer.export.picture import MASK, decision_graph, picture_graph, preparation_graph
from segformer.model.saved import ENTRY, ModelRecord, record_from_json
from segformer.spec.sections.dataset import DatasetSegment

NAME = "segformer"
LARGEST_BATCH = 8
"""Of the network in ONNX; an engine has its own."""
DELAY_US = 2000
"""The longest that a picture waits for others of its batch."""
_ONNX, _PLAN = ("onnxruntime", "model.onnx"), ("tensorrt", "model.plan")
"""Backend and file."""
_TYPES: dict[int, str] = {
    TensorProto.UINT8: "TYPE_UINT8",
    TensorProto.FLOAT: "TYPE_FP32",
    TensorProto.INT64: "TYPE_INT64",
}


@dataclass(frozen=True)
class Word:
    """A name in a configuration that is written without quotes: a constant of an enumeration."""

    text: str


def write_triton(models: Mapping[str, Path], folder: Path) -> list[Path]:
    """Write a model repository and return its models' folders.

    `models` are files by kind: `onnx`, and if there are some `int8` (ONNX) and `engine`, which get
    ensembles of their own, `segformer_int8` and `segformer_engine`. Raises `SpecError` for models
    that take no picture as a whole or that Triton cannot run, `CheckpointError` for encrypted ones.
    """
    plain = read_graph(models["onnx"])
    record = _record(plain, models["onnx"])
    labels = "".join(
        f"{name}\n" for name in class_names(DatasetSegment.model_validate(record.segment))
    )
    written = [
        _write_graph(folder / f"{NAME}_preparation", preparation_graph(plain, record)),
        _write_graph(folder / f"{NAME}_decision", decision_graph(plain, record), labels=labels),
        _write_graph(folder / f"{NAME}_picture", picture_graph(plain, record), labels=labels),
    ]
    for kind in ("onnx", "int8", "engine"):
        if kind in models:
            written += _write_pipeline(folder, kind, models[kind], plain, labels=labels)
    return written


def _record(graph: ModelProto, path: Path) -> ModelRecord:
    entries = {entry.key: entry.value for entry in graph.metadata_props}
    if ENTRY not in entries:
        raise SpecError(f"{path}: was not written by segformer export, so its classes are unknown")
    return record_from_json(entries[ENTRY], source=path)


def _write_graph(folder: Path, graph: ModelProto, *, labels: str = "") -> Path:
    """Write a graph that takes one picture at a time, on the CPU."""
    (folder / "1").mkdir(parents=True)
    write_graph(graph, folder / "1" / _ONNX[1])
    settings = {
        "name": folder.name,
        "backend": _ONNX[0],
        "max_batch_size": 0,
        "input": [_tensor(value) for value in graph.graph.input],
        "output": [_tensor(value, labels=bool(labels)) for value in graph.graph.output],
        "instance_group": [{"count": 1, "kind": Word("KIND_CPU")}],
    }
    _write_settings(folder, settings, labels=labels)
    return folder


def _write_pipeline(
    folder: Path, kind: str, file: Path, plain: ModelProto, *, labels: str
) -> list[Path]:
    """Write a network of a kind, and the ensemble around it."""
    name = NAME if kind == "onnx" else f"{NAME}_{kind}"
    network = folder / f"{name}_network"
    backend, target = _PLAN if kind == "engine" else _ONNX
    largest, usual = _batches(kind, file)
    (network / "1").mkdir(parents=True)
    shutil.copyfile(file, network / "1" / target)
    source, logits = plain.graph.input[0], plain.graph.output[0]
    place = Word("KIND_GPU" if kind == "engine" else "KIND_AUTO")
    settings = {
        "name": network.name,
        "backend": backend,
        "max_batch_size": largest,
        "input": [_tensor(source, is_batched=True)],
        "output": [_tensor(logits, is_batched=True)],
        "instance_group": [{"count": 1, "kind": place}],
        "dynamic_batching": {
            "preferred_batch_size": [usual],
            "max_queue_delay_microseconds": DELAY_US,
        },
    }  # fmt: skip
    _write_settings(network, settings)
    return [network, _write_ensemble(folder / name, network.name, plain, labels=labels)]


def _batches(kind: str, file: Path) -> tuple[int, int]:
    """Return the largest and the usual batch of a network; raises `SpecError`."""
    if kind == "engine":
        facts = read_facts(file)
        if facts["package"] != "tensorrt":
            raise SpecError(
                f"triton: {file} was built by {facts['package']}, and Triton runs engines of "
                "tensorrt alone; build it on a machine with a GPU, with the TensorRT version of "
                "the Triton image: pip install tensorrt"
            )
        _, usual, largest = facts["batch"]
        return largest, usual
    if read_graph(file).graph.input[0].type.tensor_type.shape.dim[0].dim_value:
        raise SpecError(
            "triton: a model of fixed batch size makes no batches; export.batch_size=-1"
        )
    return LARGEST_BATCH, LARGEST_BATCH


def _write_ensemble(folder: Path, network: str, plain: ModelProto, *, labels: str) -> Path:
    (folder / "1").mkdir(parents=True)  # Triton wants the folder of a version, though it is empty.
    source, logits = plain.graph.input[0].name, plain.graph.output[0].name
    steps = [
        _step(f"{NAME}_preparation", ["image"], [source, "size"]),
        _step(network, [source], [logits]),
        _step(f"{NAME}_decision", [logits, "size"], [MASK]),
    ]
    settings = {
        "name": folder.name,
        "platform": "ensemble",
        "max_batch_size": 0,
        "input": [{"name": "image", "data_type": Word("TYPE_UINT8"), "dims": [-1, -1, 3]}],
        "output": [
            {"name": MASK, "data_type": Word("TYPE_UINT8"), "dims": [-1, -1],
             "label_filename": "labels.txt"},
        ],
        "ensemble_scheduling": {"step": steps},
    }  # fmt: skip
    _write_settings(folder, settings, labels=labels)
    return folder


def _step(model: str, inputs: Sequence[str], outputs: Sequence[str]) -> dict[str, Any]:
    """Return a step whose tensors have the same names in the ensemble."""
    return {
        "model_name": model,
        "model_version": -1,
        "input_map": [{"key": name, "value": name} for name in inputs],
        "output_map": [{"key": name, "value": name} for name in outputs],
    }


def _tensor(
    value: ValueInfoProto, *, is_batched: bool = False, labels: bool = False
) -> dict[str, Any]:
    """Return a tensor's description; of one in batches without the batch."""
    shape = value.type.tensor_type.shape.dim[1 if is_batched else 0 :]
    described: dict[str, Any] = {
        "name": value.name,
        "data_type": Word(_TYPES[value.type.tensor_type.elem_type]),
        "dims": [dimension.dim_value or -1 for dimension in shape],
    }
    return described | ({"label_filename": "labels.txt"} if labels else {})


def _write_settings(folder: Path, settings: Mapping[str, Any], *, labels: str = "") -> None:
    text = "\n".join(line for key, value in settings.items() for line in _lines(key, value))
    (folder / "config.pbtxt").write_text(text + "\n", encoding="utf-8")
    if labels:
        (folder / "labels.txt").write_text(labels, encoding="utf-8")


def _lines(key: str, value: Any) -> Iterator[str]:  # noqa: ANN401
    """Yield the lines of a field in protobuf's text format; messages are written one by one."""
    if isinstance(value, Mapping):
        yield f"{key} {{"
        for inner, content in value.items():
            yield from (f"  {line}" for line in _lines(inner, content))
        yield "}"
    elif isinstance(value, list) and value and isinstance(value[0], Mapping):
        for each in value:
            yield from _lines(key, each)
    else:
        yield f"{key}: {_literal(value)}"


def _literal(value: Any) -> str:  # noqa: ANN401
    if isinstance(value, list):
        return f"[{', '.join(map(_literal, value))}]"
    if isinstance(value, Word):
        return value.text
    return f'"{value}"' if isinstance(value, str) else str(value)
