"""TensorRT's builder: the GPUs that an engine is for, and the engine of a graph.

TensorRT builds in one of two ways. `tensorrt` compiles on the GPU that will run the engine
("current" below) and times its kernels there. `tensorrt_rtx` compiles ahead of time for a list of
compute capabilities, without any GPU, and chooses kernels when an engine is loaded.
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import onnx
import torch

from segformer.errors import CheckpointError, SkillError, SpecError
from segformer.evaluation.tensorrt import driver_fault, logger, tensorrt
from segformer.spec.sections.deploy import GenTrtEngine
from segformer.storage.atomic import replacing


def capabilities_of(options: GenTrtEngine) -> list[str]:
    """Return the compute capabilities to build for; ["current"] for a GPU of this machine.

    Raises `SpecError` for a capability that the installed TensorRT does not build for, and for a
    GPU that this machine does not have.
    """
    trt, requested = tensorrt(), options.tensorrt.compute_capabilities
    supported = _ahead_of_time(trt)
    unsupported = [capability for capability in requested if capability not in supported]
    if unsupported:
        raise SpecError(
            f"gen_trt_engine.tensorrt.compute_capabilities: {', '.join(unsupported)}: "
            f"{trt.__name__} {trt.__version__} builds ahead of time for "
            f"{', '.join(supported) or 'none'}{_OTHERS if supported else ''}"
        )
    fault = driver_fault()
    if not requested and fault is None:
        _check_gpu(options.gpu_id, torch.cuda.device_count())
        _check_capability(torch.cuda.get_device_capability(options.gpu_id), supported)
        return ["current"]
    if not requested and not supported:
        raise SpecError(
            f"gen_trt_engine: {trt.__name__} builds on the GPU that the engine is for, but "
            f"{fault}; build on a machine with a GPU, or without one with "
            "pip install 'automl-segformer[trt]' (tensorrt_rtx_cu13)"
        )
    # Building ahead of time involves no GPU.
    _check_gpu(options.gpu_id, 0)
    return list(requested) or supported


_OTHERS = (
    "; for the others, such as 9.0 (H100, H200), build with tensorrt on the GPU itself: "
    "pip install tensorrt"
)


def _check_capability(own: tuple[int, int], supported: Sequence[str]) -> None:
    """Raise `SpecError` for a GPU of this machine that a TensorRT for a list of GPUs cannot run on.

    `supported` is empty for a TensorRT that builds on the GPU itself.
    """
    name = f"{own[0]}.{own[1]}"
    if supported and name not in supported:
        raise SpecError(
            f"gen_trt_engine: this machine's GPU has compute capability {name}, and tensorrt_rtx "
            f"builds for {', '.join(supported)}{_OTHERS}"
        )


def _ahead_of_time(trt: Any) -> list[str]:  # noqa: ANN401
    names = dir(getattr(trt, "ComputeCapability", None))
    # SM89 is compute capability 8.9.
    capabilities = [f"{name[2:-1]}.{name[-1]}" for name in names if name.startswith("SM")]
    return sorted(capabilities, key=float)


def _check_gpu(gpu_id: int, count: int) -> None:
    if gpu_id and gpu_id >= count:
        on = f"on one of {count} GPUs, counted from 0" if count else "ahead of time, on no GPU"
        raise SpecError(
            f"gen_trt_engine.gpu_id: {gpu_id} is not allowed: the engine is built {on}; "
            "set gen_trt_engine.gpu_id=0"
        )


def device_of(options: GenTrtEngine, capabilities: list[str]) -> AbstractContextManager[Any]:
    """Return a context in which the GPU of an engine is current; nothing if it is built without."""
    is_on_gpu = capabilities == ["current"]
    return torch.cuda.device(options.gpu_id) if is_on_gpu else nullcontext()


def build(
    graph: onnx.ModelProto,
    source: Path,
    options: GenTrtEngine,
    *,
    shapes: Sequence[tuple[int, ...]],
    capabilities: list[str],
) -> bytes:
    """Return the engine of a graph; call it within `device_of`.

    Args:
        graph: The graph, with its precisions written into it.
        source: The file of the graph, for messages.
        options: Workspace, timing cache, GPU, verbose.
        shapes: Smallest, usual and largest BxCxHxW of the input.
        capabilities: From `capabilities_of`.

    Raises:
        CheckpointError: TensorRT does not accept the graph.
        SkillError: TensorRT could not build; with its messages.
    """
    trt, log = tensorrt(), logger(is_verbose=options.verbose)
    log.errors.clear()
    builder = trt.Builder(log)
    # The parser holds the memory of the weights: it has to outlive the build.
    network, _parser = parsed(graph, builder, log, source=source)
    config = builder.create_builder_config()
    megabytes = options.tensorrt.workspace_size
    if megabytes:
        config.set_memory_pool_limit(trt.MemoryPoolType.WORKSPACE, megabytes * 2**20)
    _set_capabilities(config, capabilities)
    profile = builder.create_optimization_profile()
    profile.set_shape("input", *shapes)
    config.add_optimization_profile(profile)
    cache = _timing_cache(config, options)
    content = builder.build_serialized_network(network, config)
    if content is None:
        raise SkillError(
            f"{source}: {trt.__name__} {trt.__version__} could not build an engine with "
            f"gen_trt_engine.tensorrt.workspace_size={megabytes} (MB, 0: no limit): "
            + ("; ".join(log.errors) or "it did not say why")
        )
    if cache is not None:
        with replacing(Path(options.timing_cache)) as part:
            part.write_bytes(bytes(config.get_timing_cache().serialize()))
    return bytes(content)


def parsed(
    graph: onnx.ModelProto,
    builder: Any,  # noqa: ANN401
    log: Any,  # noqa: ANN401
    *,
    source: Path,
) -> tuple[Any, Any]:
    """Return a strongly typed TensorRT network, and the parser, which holds its weights.

    Raises `CheckpointError` with the parser's messages.
    """
    trt = tensorrt()
    flag = 1 << int(trt.NetworkDefinitionCreationFlag.STRONGLY_TYPED)
    network = builder.create_network(flag)
    parser = trt.OnnxParser(network, log)
    if not parser.parse(graph.SerializeToString()):
        faults = [parser.get_error(i).desc() for i in range(parser.num_errors)]
        raise CheckpointError(
            f"{source}: {trt.__name__} {trt.__version__} does not accept it: {'; '.join(faults)}. "
            "A model quantized for the CPU is not for TensorRT: quantize with quantize.device=trt"
        )
    return network, parser


def _set_capabilities(config: Any, capabilities: list[str]) -> None:  # noqa: ANN401
    trt = tensorrt()
    if capabilities == ["current"]:
        return
    config.num_compute_capabilities = len(capabilities)
    for place, capability in enumerate(capabilities):
        name = "SM" + capability.replace(".", "")
        config.set_compute_capability(getattr(trt.ComputeCapability, name), place)


def _timing_cache(config: Any, options: GenTrtEngine) -> Any:  # noqa: ANN401
    if not options.timing_cache:
        return None
    trt, path = tensorrt(), Path(options.timing_cache)
    if trt.__name__ == "tensorrt_rtx":
        raise SpecError(
            "gen_trt_engine.timing_cache: tensorrt_rtx takes no timings when it builds (it "
            "compiles for the GPU when it loads an engine); leave it empty, or build with tensorrt"
        )
    cache = config.create_timing_cache(path.read_bytes() if path.exists() else b"")
    if cache is None or not config.set_timing_cache(cache, ignore_mismatch=False):
        raise SpecError(
            f"gen_trt_engine.timing_cache: {path} is not a timing cache of this TensorRT and GPU; "
            "give another name"
        )
    return cache
