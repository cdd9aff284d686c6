"""The quantize action: a trained model in 8 bits, with its mIoU before and after."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module
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
from segformer.export.graph import read_graph, write_graph
from segformer.export.onnx import export
from segformer.model.saved import ModelRecord
from segformer.quantization.calibration import calibration_images, evenly
from segformer.quantization.modelopt import write_modelopt
from segformer.quantization.qdq import QdqSettings, quantize_onnx
from segformer.quantization.sensitivity import Choice, chosen
from segformer.quantization.simulation import Roundings
from segformer.quantization.weight_only import write_weight_only
from segformer.result import Result
from segformer.spec.sections.deploy import ALGORITHMS, MODES, Quantize, QuantizedLayers
from segformer.spec.spec import Spec
from segformer.storage.atomic import replacing
from segformer.storage.scratch import scratch

_RUNS = 50
"""Rounds of which the latency is the median."""
_FASTER = 0.95
"""Share of the time below which a graph is clearly faster."""
_FINE_TUNING = "segformer.quantization.fine_tuning"
"""Loaded where it is asked for: it needs Lightning, which takes seconds to load."""
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
    kind = "onnx" if target.suffix == ".onnx" else "checkpoint"
    artifacts, notes = {kind: target}, [_note(options.device)]
    metrics = {"val_miou_before": before}
    if options.target_drop is not None or options.algorithm == "auto" or options.qat_epochs:
        mixed = _mixed(spec, source, target, before=before)
        artifacts["precision"] = mixed.artifacts["precision"]
        metrics |= mixed.metrics
        notes.insert(0, mixed.note)
    else:
        with replacing(target) as part:
            _WRITERS[options.backend](spec, source, part)
    after = _miou(spec, target, folder / "after")
    metrics |= {
        "val_miou": after,
        "miou_drop": before - after,
        "size_mb_before": source.stat().st_size / 1e6,
        "size_mb": target.stat().st_size / 1e6,
    }
    check_drop(target, metrics, allowed=options.max_miou_drop)
    return Result(artifacts=artifacts, metrics=metrics, note=" ".join(filter(None, notes)))


def _mixed(spec: Spec, source: Path, target: Path, *, before: float) -> Result:
    """Write the int8 graph whose ranges, weights, and layers in 32 bits measurements choose."""
    metrics: dict[str, float] = {}
    notes = []
    with scratch() as folder:
        plain = _as_onnx(spec, source, folder / "plain")
        choice = _choice(spec, plain, before=before)
        if spec.quantize.qat_epochs:
            tuned = _fine_tuned(spec, source, plain, choice)
            choice = tuned.choice
            metrics |= tuned.metrics
            notes.append(tuned.note)
        with replacing(target) as part:
            write_graph(choice.graph, part)
        metrics |= choice.metrics | _latencies(spec, plain, target)
    precision = target.with_name("precision.json")
    with replacing(precision) as part:
        part.write_text(json.dumps(choice.to_dict(), indent=2) + "\n", encoding="utf-8")
    note = " ".join(filter(None, [*notes, choice.note]))
    return Result(artifacts={"precision": precision}, metrics=metrics, note=note)


def _choice(spec: Spec, plain: Path, *, before: float) -> Choice:
    """Return the int8 graph of an exported one; `before` is the mIoU that it may lose of."""
    options = spec.quantize
    segment = spec.dataset.segment
    images = evenly(calibration_images(spec), options.calibration_images)
    looked_at = images_of(segment, split_folder(segment, "validation"))

    def drop(graph: ModelProto) -> float:
        return before - _miou_of(spec, graph)

    choice = chosen(
        plain,
        images,
        evenly(looked_at, options.calibration_images),
        settings=_settings(options),
        target_drop=options.target_drop,
        drop=drop,
    )
    faster = choice.with_head_in_32_bits
    if options.device != "cpu" or not _is_faster(spec, faster.graph, choice.graph):
        return choice
    is_worse = options.target_drop is not None and drop(faster.graph) > options.target_drop
    return choice if is_worse else faster


def _is_faster(spec: Spec, graph: ModelProto, other: ModelProto) -> bool:
    """Whether a graph is clearly faster than another one on this machine's CPU.

    With a head in 8 bits ONNX Runtime enlarges the maps in a layout that takes four times as long:
    1.4 of 3.5 ms of EfficientNet-Lite0 at 160 px.
    """
    with scratch() as folder:
        paths = [folder / "one.onnx", folder / "other.onnx"]
        for path, each in zip(paths, (graph, other), strict=True):
            write_graph(each, path)
        one, two = latencies_in_turns(paths, otherwise=ModelRecord.of(spec), rounds=_RUNS)
    return one < _FASTER * two


@dataclass(frozen=True)
class FineTuned:
    """An int8 graph before and after quantization-aware fine-tuning, with their mIoU."""

    epochs: int
    plain: Choice
    without: float
    tuned: Choice
    miou: float
    missing: int = 0
    """Products of the graph that could not be simulated."""

    @property
    def is_better(self) -> bool:
        """Whether the fine-tuned graph is the better one."""
        return self.miou > self.without

    @property
    def choice(self) -> Choice:
        """The better graph."""
        return self.tuned if self.is_better else self.plain

    @property
    def metrics(self) -> dict[str, float]:
        """The figures of both."""
        return {
            "qat_epochs": float(self.epochs),
            "val_miou_without_qat": self.without,
            "val_miou_with_qat": self.miou,
            "qat_is_kept": float(self.is_better),
        }

    @property
    def note(self) -> str:
        """Say what it brought, and whether it was kept."""
        verdict = "kept" if self.is_better else "no better, so left out"
        partly = f"; {self.missing} products were not simulated" if self.missing else ""
        return (
            f"quantization-aware fine-tuning, epochs {self.epochs}: val_miou {self.without:.4f} "
            f"without, {self.miou:.4f} with it: {verdict}{partly}."
        )


def _fine_tuned(spec: Spec, source: Path, plain: Path, choice: Choice) -> FineTuned:
    """Fine-tune a checkpoint for its int8 graph, make the same graph of it, and measure both."""
    epochs = spec.quantize.qat_epochs
    with scratch() as folder:
        weights = folder / "tuned.safetensors"
        roundings = Roundings(read_graph(plain), choice.graph)
        missing = import_module(_FINE_TUNING).write_fine_tuned(spec, source, roundings, weights)
        images = evenly(calibration_images(spec), spec.quantize.calibration_images)
        tuned = choice.of(_as_onnx(spec, weights, folder / "plain"), images)
    without, miou = (_miou_of(spec, each.graph) for each in (choice, tuned))
    return FineTuned(epochs, choice, without, tuned, miou, missing)


def _miou_of(spec: Spec, graph: ModelProto) -> float:
    with scratch() as folder:
        write_graph(graph, folder / "graph.onnx")
        return _miou(spec, folder / "graph.onnx", folder / "evaluated")


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
    if is_onnx and options.qat_epochs:
        faults.append(
            f"quantize.qat_epochs: value {options.qat_epochs}, but {source} is ONNX, which cannot "
            "be trained; give the checkpoint that it was exported from as quantize.model_path"
        )
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
            "with_preprocessing": False,
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
