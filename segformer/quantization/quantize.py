"""The quantize action: a trained model in 8 bits, with its mIoU before and after."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
from onnx import ModelProto

from segformer.action import started, write_spec
from segformer.data.dataset import split_folder
from segformer.data.source import images_of
from segformer.errors import RejectedError, SpecError
from segformer.evaluation.evaluate import evaluate
from segformer.evaluation.image_size import recorded, with_trained_size
from segformer.evaluation.latency import latencies_in_turns
from segformer.export.graph import write_graph
from segformer.export.onnx import export
from segformer.model.saved import ModelRecord
from segformer.quantization.calibration import calibration_images, evenly
from segformer.quantization.modelopt import write_modelopt
from segformer.quantization.qdq import QdqSettings, quantize_onnx
from segformer.quantization.sensitivity import Choice, chosen
from segformer.quantization.weight_only import write_weight_only
from segformer.result import Result
from segformer.spec.sections.deploy import ALGORITHMS, MODES, Quantize, QuantizedLayers
from segformer.spec.spec import Spec
from segformer.storage.atomic import replacing
from segformer.storage.scratch import scratch

_RUNS = 50
"""Rounds of which the latency is the median."""
REJECTED = "rejected"
"""The subfolder of the results for a model that lost too much mIoU."""


def quantize(spec: Spec, folder: Path) -> Result:
    """Write `quantize.model_path` in 8 bits; the metrics hold its mIoU before and after.

    Raises `SpecError` for settings that contradict each other, `CheckpointError`, `DataError`, and
    `RejectedError` if mIoU falls by more than `quantize.max_miou_drop`; the file is then in
    rejected/.
    """
    target = folder / _NAMES[spec.quantize.backend]
    # Before experiment.yaml is written, which describes the file that is there.
    if target.exists() and not spec.quantize.force:
        raise SpecError(
            f"quantize.results_dir: {target} exists already; give another folder, remove it, or "
            "set quantize.force=true"
        )
    with started("quantize", spec, folder) as status:
        result = _quantize(spec, target)
        status.write("SUCCESS", "quantization finished", kpi=result.metrics)
    return result


def _quantize(spec: Spec, target: Path) -> Result:
    options, folder = spec.quantize, target.parent
    source = Path(options.model_path)
    _check(options, source)
    spec = with_trained_size(spec, recorded(source, spec))
    write_spec(spec, folder)
    before = _miou(spec, source, folder / "before")
    is_mixed = options.target_drop is not None or options.algorithm == "auto"
    with replacing(target) as part:
        if is_mixed:
            choice = _mixed(spec, source, part, before=before)
        else:
            _WRITERS[options.backend](spec, source, part)
    after = _miou(spec, target, folder / "after")
    metrics = {
        "val_miou_before": before,
        "val_miou": after,
        "miou_drop": before - after,
        "size_mb_before": source.stat().st_size / 1e6,
        "size_mb": target.stat().st_size / 1e6,
    }
    kind = "onnx" if target.suffix == ".onnx" else "checkpoint"
    artifacts, note = {kind: target}, _note(options.device)
    if is_mixed:
        artifacts["precision"] = folder / "precision.json"
        with replacing(artifacts["precision"]) as part:
            part.write_text(json.dumps(choice.to_dict(), indent=2) + "\n", encoding="utf-8")
        metrics |= choice.metrics | _latencies(spec, source, target)
        note = " ".join(filter(None, [choice.note, note]))
    check_drop(target, metrics, allowed=options.max_miou_drop)
    return Result(artifacts=artifacts, metrics=metrics, note=note)


def _mixed(spec: Spec, source: Path, target: Path, *, before: float) -> Choice:
    """Write the int8 graph whose ranges, and layers in 32 bits, are chosen by measurement."""
    options = spec.quantize
    segment = spec.dataset.segment
    images = evenly(calibration_images(spec), options.calibration_images)
    looked_at = images_of(segment, split_folder(segment, "validation"))
    with scratch() as folder:

        def drop(graph: ModelProto) -> float:
            write_graph(graph, folder / "tried.onnx")
            return before - _miou(spec, folder / "tried.onnx", folder / "tried")

        plain = _as_onnx(spec, source, folder)
        choice = chosen(
            plain,
            images,
            evenly(looked_at, options.calibration_images),
            settings=_settings(options),
            target_drop=options.target_drop,
            drop=drop,
        )
    write_graph(choice.graph, target)
    return choice


def _latencies(spec: Spec, source: Path, target: Path) -> dict[str, float]:
    """Return the median milliseconds of an image on one thread, before and after, and the ratio."""
    paths, otherwise = [source, target], ModelRecord.of(spec)
    before, after = latencies_in_turns(paths, otherwise=otherwise, rounds=_RUNS)
    return {
        "latency_ms_before": 1000 * before,
        "latency_ms": 1000 * after,
        "speedup": before / after,
    }


def _note(device: str) -> str:
    """Say if the device is not here: the model is made for it, but cannot be measured on it."""
    _, _, index = device.partition(":")
    if not device.startswith("cuda") or torch.cuda.device_count() > int(index or 0):
        return ""
    return (
        f"quantize.device is {device}, but this machine has {torch.cuda.device_count()} GPUs: the"
        " model was calibrated and measured on the CPU"
    )


def _check(options: Quantize, source: Path) -> None:
    faults = []
    if options.mode != MODES[options.backend]:
        faults.append(
            f"quantize.mode: value {options.mode}, but backend {options.backend} has only "
            f"{MODES[options.backend]}"
        )
    allowed = ALGORITHMS[options.backend]
    if options.algorithm not in allowed:
        faults.append(
            f"quantize.algorithm: value {options.algorithm}, but backend {options.backend} has "
            f"{', '.join(allowed)}"
        )
    is_onnx = source.suffix == ".onnx"
    if is_onnx and options.backend in ("torchao", "modelopt.pytorch"):
        faults.append(
            f"quantize.model_path: {source} is ONNX, and backend {options.backend} takes a "
            "checkpoint; use quantize.backend=onnxruntime"
        )
    if options.backend == "torchao" and options.device == "trt":
        faults.append(
            "quantize.device: value trt, but backend torchao writes a checkpoint, which TensorRT "
            "does not read; use quantize.backend=onnxruntime"
        )
    faults += [fault for layer in options.layers for fault in _layer_faults(layer, options)]
    if faults:
        raise SpecError(faults)


def _layer_faults(layer: QuantizedLayers, options: Quantize) -> Iterator[str]:
    weights, activations = layer.weights.dtype or "int8", layer.activations.dtype
    follows = weights if options.mode == "static_ptq" else "native"
    if activations not in (None, follows):
        yield (
            f"quantize.layers: {layer.module_name}: with weights of {weights}, {options.mode} has "
            f"activations of {follows}, not of {activations}"
        )


def _with_qdq(spec: Spec, source: Path, target: Path) -> None:
    options = spec.quantize
    images = evenly(calibration_images(spec), options.calibration_images)
    with scratch() as folder:
        quantize_onnx(_as_onnx(spec, source, folder), target, images, _settings(options))


def _settings(options: Quantize) -> QdqSettings:
    return QdqSettings(
        algorithm=options.algorithm,
        percentile=options.percentile,
        for_tensorrt=options.device != "cpu",
        layers=layer_patterns(options),
    )


def _as_onnx(spec: Spec, source: Path, folder: Path) -> Path:
    """Return an ONNX model as it is, and a checkpoint exported at its training size."""
    if source.suffix == ".onnx":
        return source
    options = spec.export.model_copy(
        update={
            "checkpoint": str(source),
            "onnx_file": str(folder / "model.onnx"),
            "input_height": None,
            "input_width": None,
        }
    )
    return export(spec.model_copy(update={"export": options}), folder).artifacts["onnx"]


def layer_patterns(options: Quantize) -> list[tuple[str, bool]]:
    """Return patterns of layer names, and whether these are quantized; the last match wins."""
    chosen = [(layer.module_name, layer.weights.dtype != "native") for layer in options.layers]
    return chosen + [(name, False) for name in options.skip_names]


def _weight_only(spec: Spec, source: Path, target: Path) -> None:
    write_weight_only(spec, source, target, layers=layer_patterns(spec.quantize))


def _by_modelopt(spec: Spec, source: Path, target: Path) -> None:
    write_modelopt(spec, source, target, layers=layer_patterns(spec.quantize))


_NAMES = {
    "onnxruntime": "quantized_model.onnx",
    "torchao": "quantized_model_torchao.pth",
    "modelopt.pytorch": "quantized_model.onnx",
}
_WRITERS: dict[str, Callable[[Spec, Path, Path], None]] = {
    "onnxruntime": _with_qdq,
    "torchao": _weight_only,
    "modelopt.pytorch": _by_modelopt,
}


def _miou(spec: Spec, model: Path, folder: Path) -> float:
    options = spec.evaluate.model_copy(
        update={
            "checkpoint": str(model),
            "split": "validation",
            "trt_engine": "",
            "vis_after_n_batches": 0,
        }
    )
    return evaluate(spec.model_copy(update={"evaluate": options}), folder).metrics["val_miou"]


def check_drop(target: Path, metrics: dict[str, float], *, allowed: float) -> None:
    """Raise `RejectedError` and move the model aside if its mIoU fell by more than allowed."""
    if metrics["miou_drop"] <= allowed:
        return
    aside = target.parent / REJECTED / target.name
    aside.parent.mkdir(exist_ok=True)
    target.replace(aside)
    raise RejectedError(
        f"not quantized: val_miou falls from {metrics['val_miou_before']:.4f} to "
        f"{metrics['val_miou']:.4f}, by more than quantize.max_miou_drop {allowed:g} (the model is "
        f"{aside}); try quantize.target_drop={allowed:g}, which leaves sensitive layers in 32 bits"
    )
