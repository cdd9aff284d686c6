"""Trained models of every format behind one interface: images in, logits out."""

from collections.abc import Callable
from pathlib import Path
from typing import Literal, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from segformer.errors import CheckpointError, SpecError
from segformer.evaluation.grey import with_channels
from segformer.evaluation.tensorrt import EnginePredictor
from segformer.model.onnx_runtime import onnxruntime
from segformer.model.saved import ENTRY, ModelRecord, SavedModel, read_model, record_from_json
from segformer.spec.spec import Spec
from segformer.storage.encryption import is_encrypted, reading

CPU_PIXELS = 2**17
"""Pixels of the pictures that a CPU segments at once: memory for larger maps is asked of the system
anew for each, which takes up to two thirds of the time (eight pictures of 512 px at once)."""


class Predictor(Protocol):
    """A loaded model."""

    record: ModelRecord

    def logits(self, images: Tensor) -> Tensor:
        """Images BxIxHxW -> logits BxCxhxw, on any device."""


class TorchPredictor:
    """A checkpoint, run by torch."""

    def __init__(self, saved: SavedModel, device: torch.device) -> None:
        self.record = saved.record
        self._device = device
        self._network = saved.build().to(self._device)

    def logits(self, images: Tensor) -> Tensor:
        """See `Predictor`; on a CPU few pixels at a time."""
        count = len(images)
        if self._device.type == "cpu":
            count = max(1, CPU_PIXELS // (images.shape[-2] * images.shape[-1]))
        here = images.to(self._device, non_blocking=True)
        starts = range(0, len(here), count)
        return torch.cat([self._network(here[start : start + count]) for start in starts])


class OnnxPredictor:
    """An exported model, run by ONNX Runtime; on a GPU if its build supports that."""

    def __init__(
        self, path: Path, *, otherwise: ModelRecord, device: torch.device | None = None
    ) -> None:
        self._session = _session(path, device or torch.device("cpu"))
        entry = self._session.get_modelmeta().custom_metadata_map.get(ENTRY)
        self.record = record_from_json(entry, source=path) if entry else otherwise
        self._input = self._session.get_inputs()[0]
        if len(self._input.shape) != 4:
            raise CheckpointError(
                f"{path}: takes {self._input.name}, whole pictures; give the plain model.onnx "
                "beside it"
            )
        batch, self.channels, *size = self._input.shape
        self._batch = batch if isinstance(batch, int) else None
        self.size: tuple[int, int] = (size[0], size[1])

    def logits(self, images: Tensor) -> Tensor:
        """See `Predictor`; a model of fixed batch size runs several times, padded at the end."""
        pixels = with_channels(images, self.record, channels=self.channels).cpu().numpy()
        step = self._batch or len(pixels)
        parts = [self._run(pixels[i : i + step]) for i in range(0, len(pixels), step)]
        return torch.from_numpy(np.concatenate(parts))

    def _run(self, pixels: NDArray[np.float32]) -> NDArray[np.float32]:
        count = len(pixels)
        missing = (self._batch or count) - count
        if missing:
            pixels = np.concatenate([pixels, np.zeros_like(pixels[:1]).repeat(missing, axis=0)])
        logits: NDArray[np.float32] = self._session.run(None, {self._input.name: pixels})[0]
        return logits[:count]


def load_predictor(path: Path, *, otherwise: ModelRecord, device: torch.device) -> Predictor:
    """Load a model, choosing the format by the ending of its name; raises `CheckpointError`.

    Args:
        path: The file.
        otherwise: The record to use if the file has none.
        device: The device to run on.
    """
    endings = ", ".join(_LOADERS)
    if not path.is_file():
        raise CheckpointError(f"{path}: no such file; give one that ends in {endings}")
    if path.suffix not in _LOADERS:
        raise CheckpointError(f"{path}: is not understood; a model's name ends in {endings}")
    return _LOADERS[path.suffix](path, otherwise, device)


def load_described(path: Path) -> Predictor:
    """Load a model by its own record alone; raises `CheckpointError` if it has none."""
    unknown = ModelRecord.of(Spec())
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    predictor = load_predictor(path, otherwise=unknown, device=device)
    if predictor.record is unknown:
        raise CheckpointError(
            f"{path}: does not say what it is; it was not written by segformer export or train"
        )
    return predictor


def model_file(action: Literal["evaluate", "inference"], spec: Spec) -> Path:
    """Return the file of the model that an action runs: `checkpoint` or `trt_engine`."""
    options = spec.evaluate if action == "evaluate" else spec.inference
    if options.checkpoint and options.trt_engine:
        raise SpecError(f"{action}.checkpoint and {action}.trt_engine: give one of them")
    return Path(options.checkpoint or options.trt_engine)


def _torch(path: Path, otherwise: ModelRecord, device: torch.device) -> Predictor:
    return TorchPredictor(read_model(path, otherwise=otherwise), device)


def _onnx(path: Path, otherwise: ModelRecord, device: torch.device) -> Predictor:
    return _fitting(OnnxPredictor(path, otherwise=otherwise, device=device), path)


def _engine(path: Path, otherwise: ModelRecord, device: torch.device) -> Predictor:
    return _fitting(EnginePredictor(path, device), path)


_LOADERS: dict[str, Callable[[Path, ModelRecord, torch.device], Predictor]] = {
    ".ckpt": _torch,
    ".pth": _torch,
    ".safetensors": _torch,
    ".onnx": _onnx,
    ".engine": _engine,
}


def _fitting(model: "OnnxPredictor | EnginePredictor", path: Path) -> Predictor:
    """Return an exported model whose input has the size that it was trained with."""
    check_input_size(path, model.size, model.record)
    return model


def check_input_size(path: Path, size: tuple[int, int], record: ModelRecord) -> None:
    """Raise `SpecError` if a model's input, height and width, is not of its training's size.

    The network would run on images of another size, with lower scores than it has.
    """
    trained = record.size
    if size != trained:
        raise SpecError(
            f"{path}: takes images of {size[0]} x {size[1]} px, but was trained at"
            f" {trained[0]} x {trained[1]}; export the checkpoint without export.input_height and"
            " export.input_width"
        )


def _session(path: Path, device: torch.device) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    # By default ONNX Runtime takes every core, whatever share of the machine this process has.
    options.intra_op_num_threads = torch.get_num_threads()
    options.log_severity_level = 3
    providers: list[str | tuple[str, dict[str, int]]] = ["CPUExecutionProvider"]
    gpu = "CUDAExecutionProvider"
    if device.type == "cuda" and gpu in onnxruntime.get_available_providers():
        providers.insert(0, (gpu, {"device_id": device.index}))
    with reading(path) as file:
        model = file.read() if is_encrypted(path) else str(path)
    try:
        return onnxruntime.InferenceSession(model, options, providers=providers)
    except Exception as error:  # ONNX Runtime's errors share no narrower base class.
        first = str(error).splitlines()[0]
        raise CheckpointError(f"{path}: ONNX Runtime cannot load it ({first})") from error
