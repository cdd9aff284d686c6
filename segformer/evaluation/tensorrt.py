"""The adapter of TensorRT: which of its packages is here, and an engine that is ready to run."""

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
from segformer.evaluation.grey import fed
from segformer.model.saved import ModelRecord, record_from_json
from segformer.storage.encryption import reading

PACKAGES = ("tensorrt", "tensorrt_rtx")
"""Packages with TensorRT's API, the preferred first; the second builds without a GPU."""


class EnginePredictor:
    """A TensorRT engine on the GPU that is current."""

    def __init__(self, path: Path) -> None:
        self._facts = read_facts(path)
        self.record: ModelRecord = record_from_json(
            json.dumps(self._facts["record"]), source=facts_path(path)
        )
        require_driver(path, self._facts)
        trt = tensorrt()
        runtime = trt.Runtime(logger())
        with reading(path) as file:
            self._engine = runtime.deserialize_cuda_engine(file.read())
        if self._engine is None:
            raise CheckpointError(
                f"{path}: {trt.__name__} {trt.__version__} cannot load it on "
                f"{torch.cuda.get_device_name()}; it was built by {self._facts['package']} "
                f"{self._facts['version']} for {', '.join(self._facts['compute_capabilities'])}; "
                f"build it here: segformer gen_trt_engine "
                f"gen_trt_engine.onnx_file={self._facts['onnx_file']}"
            )
        self._context = self._engine.create_execution_context()
        self.size: tuple[int, int] = tuple(self._facts["size"])
        self.channels: int = self._facts["channels"]
        self._smallest, _, self._largest = self._facts["batch"]

    def logits(self, images: Tensor) -> Tensor:
        """Images Bx3xHxW -> logits BxCxhxw on the GPU; any batch, cut or filled."""
        pixels = fed(images.cuda(), self.record, channels=self.channels).contiguous()
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
            raise RuntimeError("TensorRT could not run the engine; what it said stands above")
        stream.synchronize()
        return output[:count]


@cache
def tensorrt() -> Any:  # noqa: ANN401 - a package without types.
    """Import TensorRT; raises `CheckpointError` saying what to install."""
    for name in PACKAGES:
        if find_spec(name) is not None:
            return importlib.import_module(name)
    raise CheckpointError(
        "TensorRT is not installed; with a GPU: pip install tensorrt, without one: "
        "pip install -e '.[trt]' (tensorrt_rtx_cu13, which builds ahead of time)"
    )


@cache
def logger(*, is_verbose: bool = False) -> Any:  # noqa: ANN401
    """Return a logger of TensorRT's that keeps its errors; a verbose one writes all to stderr."""
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
    """Return why no GPU can be used here, or None where one can."""
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
    """Raise `CheckpointError` where an engine cannot run, with what can be run instead."""
    fault = driver_fault()
    if fault:
        raise CheckpointError(
            f"{path}: cannot run here: {fault}. Run the ONNX model that it was built from: "
            f"{facts['onnx_file']}, or run the engine on a machine with one of the GPUs it was "
            f"built for (compute capability {', '.join(facts['compute_capabilities'])})"
        )


def facts_path(engine: Path) -> Path:
    """Return where the facts of an engine lie: an engine file itself has no place for them."""
    return engine.with_name(engine.name + ".json")


def read_facts(engine: Path) -> dict[str, Any]:
    """Return what was written beside an engine; raises `CheckpointError`."""
    path = facts_path(engine)
    try:
        with reading(path) as file:
            facts: dict[str, Any] = json.load(file)
        facts["record"], facts["size"], facts["batch"]  # noqa: B018
        facts["onnx_file"] = str((engine.parent / facts["onnx_file"]).resolve())
    except FileNotFoundError:
        raise CheckpointError(
            f"{path}: is not there; segformer gen_trt_engine writes it beside the engine, and "
            "without it nobody knows the engine's classes and scaling"
        ) from None
    except (ValueError, KeyError, TypeError) as error:
        raise CheckpointError(f"{path}: is not what gen_trt_engine wrote ({error})") from None
    return facts
