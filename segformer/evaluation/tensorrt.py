"""The adapter of TensorRT: the package that is installed, and engines that are ready to run."""

import ctypes
import importlib
import json
import sys
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from segformer.errors import CheckpointError
from segformer.evaluation.grey import with_channels
from segformer.model.saved import ModelRecord, record_from_json
from segformer.storage.encryption import reading

PACKAGES = ("tensorrt", "tensorrt_rtx")
"""Packages with TensorRT's API, in order of preference; the second builds without a GPU."""


class EnginePredictor:
    """A TensorRT engine on one GPU."""

    def __init__(self, path: Path, device: torch.device) -> None:
        # An engine has no other place to run, so accelerator=cpu means the first GPU.
        self._gpu = (device.index or 0) if device.type == "cuda" else 0
        self._facts = read_facts(path)
        self.record: ModelRecord = record_from_json(
            json.dumps(self._facts["record"]), source=facts_path(path)
        )
        require_driver(path, self._facts)
        trt = tensorrt()
        with reading(path) as file, torch.cuda.device(self._gpu):
            self._engine = trt.Runtime(logger()).deserialize_cuda_engine(file.read())
        if self._engine is None:
            raise CheckpointError(
                f"{path}: {trt.__name__} {trt.__version__} cannot load it on "
                f"{torch.cuda.get_device_name(self._gpu)}; it was built by "
                f"{self._facts['package']} {self._facts['version']} for "
                f"{', '.join(self._facts['compute_capabilities'])}; "
                f"build it here: segformer gen_trt_engine "
                f"gen_trt_engine.onnx_file={self._facts['onnx_file']}"
            )
        with torch.cuda.device(self._gpu):
            self._context = self._engine.create_execution_context()
        self.size: tuple[int, int] = tuple(self._facts["size"])
        self.channels: int = self._facts["channels"]
        self._smallest, _, self._largest = self._facts["batch"]

    def logits(self, images: Tensor) -> Tensor:
        """Images BxIxHxW -> logits BxCxhxw on the GPU; a batch of any size is split or padded."""
        # TensorRT runs on whichever GPU is current.
        with torch.cuda.device(self._gpu):
            pixels = with_channels(images.cuda(), self.record, channels=self.channels).contiguous()
            return torch.cat([self._run(part) for part in torch.split(pixels, self._largest)])

    def _run(self, pixels: Tensor) -> Tensor:
        count = len(pixels)
        if count < self._smallest:
            filling = pixels[:1].expand(self._smallest - count, -1, -1, -1)
            pixels = torch.cat([pixels, filling]).contiguous()
        self._context.set_input_shape("input", tuple(pixels.shape))
        output = torch.empty(tuple(self._context.get_tensor_shape("output")), device="cuda")
        self._context.set_tensor_address("input", pixels.data_ptr())
        self._context.set_tensor_address("output", output.data_ptr())
        stream = torch.cuda.current_stream()
        if not self._context.execute_async_v3(stream.cuda_stream):
            raise RuntimeError("TensorRT could not run the engine; its messages are above")
        stream.synchronize()
        return output[:count]


@cache
def tensorrt() -> Any:  # noqa: ANN401 - a package without types.
    """Import TensorRT; raises `CheckpointError` with the command that installs it."""
    for name in PACKAGES:
        if find_spec(name) is not None:
            return importlib.import_module(name)
    raise CheckpointError(
        "TensorRT is not installed; with a GPU: pip install tensorrt, without one: "
        "pip install 'automl-segformer[trt]' (tensorrt_rtx_cu13, which builds ahead of time)"
    )


@cache
def logger(*, is_verbose: bool = False) -> Any:  # noqa: ANN401
    """Return a logger for TensorRT that keeps errors; a verbose one writes all to stderr."""
    trt = tensorrt()

    base: Any = trt.ILogger

    class Logger(base):  # type: ignore[misc]
        def __init__(self) -> None:
            base.__init__(self)
            self.errors: list[str] = []

        def log(self, severity: Any, message: str) -> None:
            if severity <= base.ERROR:
                self.errors.append(message)
            if is_verbose:
                print(f"TensorRT: {message}", file=sys.stderr)

    return Logger()


@cache
def driver_fault() -> str | None:
    """Return why this machine cannot use a GPU, or None if it can."""
    try:
        status = ctypes.CDLL("libcuda.so.1").cuInit(0)
    except OSError:
        return "no NVIDIA driver is installed (libcuda.so.1 is not there)"
    if status:
        return f"the NVIDIA driver finds no GPU (cuInit says {status})"
    if not torch.cuda.is_available():
        return f"torch {torch.__version__} is built without CUDA; install a build with it"
    return None


def require_driver(path: Path, facts: dict[str, Any]) -> None:
    """Raise `CheckpointError` if an engine cannot run here, naming the model to run instead."""
    fault = driver_fault()
    if fault:
        raise CheckpointError(
            f"{path}: cannot run here: {fault}. Run the ONNX model that it was built from: "
            f"{facts['onnx_file']}, or run the engine on a machine with one of the GPUs it was "
            f"built for (compute capability {', '.join(facts['compute_capabilities'])})"
        )


def facts_path(engine: Path) -> Path:
    """Return the file with the facts of an engine, since an engine file has no metadata."""
    return engine.with_name(engine.name + ".json")


def read_facts(engine: Path) -> dict[str, Any]:
    """Return the facts of an engine; raises `CheckpointError`."""
    path = facts_path(engine)
    try:
        with reading(path) as file:
            facts: dict[str, Any] = json.load(file)
        facts["record"], facts["size"], facts["batch"]  # noqa: B018
        facts["onnx_file"] = str((engine.parent / facts["onnx_file"]).resolve())
    except FileNotFoundError:
        raise CheckpointError(
            f"{path}: is missing; segformer gen_trt_engine writes it next to the engine, and "
            "without it the engine's classes and scaling are unknown"
        ) from None
    except (ValueError, KeyError, TypeError) as error:
        raise CheckpointError(f"{path}: is not what gen_trt_engine wrote ({error})") from None
    return facts
