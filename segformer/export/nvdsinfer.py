"""DeepStream's files for an exported model: the settings of Gst-nvinfer, and the class names."""

from pathlib import Path
from typing import Any

import yaml

from segformer.data.labels import class_names
from segformer.errors import SpecError
from segformer.model.saved import ModelRecord
from segformer.spec.sections.dataset import RGB, DatasetSegment
from segformer.spec.sections.deploy import Export
from segformer.storage.atomic import replacing

_SEGMENTATION = 2
_FORMAT_RGB, _FORMAT_GREY = 0, 2
_FP32 = 0
_NUMBERS = {"nearest": 0, "bilinear": 1}
"""Of the filters, as in NvBufSurfTransform_Inter."""


def write_nvdsinfer(
    onnx_file: Path, record: ModelRecord, options: Export, *, filter: str
) -> dict[str, Path]:
    """Write nvdsinfer_config.yaml and labels.txt next to an ONNX file and return them by name.

    Gst-nvinfer scales a pixel x in 0..255 to net-scale-factor * (x - offset), with one factor for
    all channels; see `check_scaling`. It scales frames by a filter of
    `segformer.evaluation.frame_scaling`.
    """
    labels = onnx_file.with_name("labels.txt")
    config = onnx_file.with_name("nvdsinfer_config.yaml")
    names = class_names(DatasetSegment.model_validate(record.segment))
    with replacing(labels) as part:
        part.write_text(";".join(names) + "\n", encoding="utf-8")
    content = {"property": _properties(onnx_file, record, options)}
    content["property"] |= {"labelfile-path": labels.name, "scaling-filter": _NUMBERS[filter]}
    with replacing(config) as part:
        part.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    return {"nvdsinfer_config": config, "labels": labels}


def check_scaling(record: ModelRecord, options: Export) -> None:
    """Raise `SpecError` if DeepStream cannot feed or scale images as in training."""
    std, channels = record.segment["augmentation"]["std"], options.channels(record.channels)
    if channels not in (1, RGB):
        raise SpecError(
            "export.serialize_nvdsinfer: DeepStream feeds grey or RGB, but the model takes"
            f" {channels} bands; export without these files"
        )
    if record.segment.get("resize") == "crop":
        raise SpecError(
            "export.serialize_nvdsinfer: DeepStream scales whole frames, but the model takes"
            " windows of them (resize=crop); export without these files"
        )
    if channels == RGB and len(set(std)) > 1:
        raise SpecError(
            "export.serialize_nvdsinfer: DeepStream divides every channel by one number, but the "
            f"model was trained with dataset.segment.augmentation.std {std}; train with equal "
            "values or export without these files"
        )


def _properties(onnx_file: Path, record: ModelRecord, options: Export) -> dict[str, Any]:
    scaling, channels = record.segment["augmentation"], options.channels(record.channels)
    shape = (channels, *options.size)
    return {
        "onnx-file": onnx_file.name,
        "network-type": _SEGMENTATION,
        "num-detected-classes": record.segment["num_classes"],
        "model-color-format": _FORMAT_RGB if channels == RGB else _FORMAT_GREY,
        "infer-dims": ";".join(map(str, shape)),
        # Ours, too, lies at the top left of the padded one.
        "maintain-aspect-ratio": int(record.segment.get("resize") == "pad"),
        "net-scale-factor": 1 / (255 * scaling["std"][0]),
        "offsets": ";".join(f"{255 * mean:.6g}" for mean in scaling["mean"][:channels]),
        "batch-size": max(options.batch_size, 1),
        "network-mode": _FP32,
        "output-blob-names": "output",
        "segmentation-threshold": 0.0,
    }
