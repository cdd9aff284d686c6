"""ONNX graphs in files, encrypted if a key is set."""

import json
from pathlib import Path

import onnx

from segformer.data.labels import class_names
from segformer.errors import CheckpointError
from segformer.model.saved import ENTRY, ModelRecord
from segformer.spec.sections.dataset import DatasetSegment
from segformer.storage.encryption import reading, writing


def metadata_of(record: ModelRecord) -> dict[str, str]:
    """Return the metadata of an exported model: its record, and the class names by id as JSON."""
    names = class_names(DatasetSegment.model_validate(record.segment))
    return {ENTRY: record.to_json(), "names": json.dumps({str(i): n for i, n in enumerate(names)})}


def read_graph(path: Path) -> onnx.ModelProto:
    """Return the checked graph of a file; raises `CheckpointError`."""
    try:
        with reading(path) as file:
            graph = onnx.load(file)
        onnx.checker.check_model(graph)
    except CheckpointError:
        raise
    except Exception as error:  # onnx raises its own errors and protobuf's.
        first = (str(error).splitlines() or [type(error).__name__])[0]
        raise CheckpointError(
            f"{path}: is not an ONNX model ({first}); segformer export makes one of a checkpoint"
        ) from error
    return graph


def write_graph(graph: onnx.ModelProto, path: Path) -> None:
    """Check a graph and write it."""
    onnx.checker.check_model(graph)
    with writing(path) as file:
        file.write(graph.SerializeToString())
