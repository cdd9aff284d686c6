"""Checks for the day a GPU is lent; `experiments/gpu_day.sh` runs them.

Each check says what it expects. On a rehearsal, all that a CPU can do runs, in 32 bits and small;
the rest is listed as not run. The check that fills the GPU comes last.
"""

import argparse
import math
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from torch import distributed
from torch.nn import functional as F

from segformer.errors import OutOfMemoryError
from segformer.evaluation.tensorrt import driver_fault
from segformer.model.segformer import build
from segformer.result import Result
from segformer.skill import skill
from segformer.spec import parse

GPU, TENSORRT = "a CUDA device", "tensorrt or tensorrt_rtx"
MAX_DROP = 0.005
LEAST_RATE = 200.0
"""Images a second of training steps of MiT-B0 at 512 px in bf16: a floor, not measured before."""


class Failed(Exception):
    """A check found something else than was expected; the text says what."""


@dataclass
class Day:
    """What the checks share."""

    folder: Path
    is_rehearsal: bool
    found: dict[str, Any] = field(default_factory=dict)
    """Results of earlier checks by name."""

    @property
    def data(self) -> Path:
        """The generated data set."""
        return self.folder / "data"

    def spec(self, **values: Any) -> dict[str, Any]:
        """Return settings by dotted key, small on a rehearsal."""
        size, workers = (32, 0) if self.is_rehearsal else (256, 8)
        return {
            "dataset.segment.root_dir": str(self.data),
            "dataset.segment.img_size": size,
            "dataset.segment.workers": workers,
            "dataset.segment.batch_size": 8,
            "model.backbone.type": "mit_b0",
            **values,
        }

    def run(self, action: str, name: str, **values: Any) -> Result:
        """Run an action in a folder of its own, a training without reports."""
        settings = {key.replace("__", "."): value for key, value in values.items()}
        spec = skill.resolve(action, self.spec(**settings))
        report = (lambda _epoch, _metrics: "continue") if action == "train" else None
        return skill.run(action, spec, self.folder / name, report)


@dataclass(frozen=True)
class Check:
    """One check: `run` returns what was measured, or raises."""

    name: str
    expected: str
    run: Callable[[Day], str]
    needs: tuple[str, ...] = ()


def device(_day: Day) -> str:
    properties = torch.cuda.get_device_properties(0)
    capability = ".".join(map(str, torch.cuda.get_device_capability(0)))
    if not torch.cuda.is_bf16_supported():
        raise Failed(f"{properties.name} has no bfloat16")
    return f"{properties.name}, {properties.total_memory / 2**30:.0f} GiB, capability {capability}"


def training(day: Day, *, precision: str) -> str:
    epochs, least = (1, 0.0) if day.is_rehearsal else (8, 0.5)
    name = f"train-{precision}"
    result = day.run("train", name, train__precision=precision, train__num_epochs=epochs)
    day.found["checkpoint"] = result.artifacts["best"]
    value = result.metrics["val_miou"]
    if not value > least or not all(map(math.isfinite, result.metrics.values())):
        raise Failed(f"val_miou {value:.4f}")
    return f"val_miou {value:.4f}"


def rate(day: Day) -> str:
    size, batch, steps = (32, 2, 1) if day.is_rehearsal else (512, 16, 20)
    place = torch.device("cpu" if day.is_rehearsal else "cuda")
    network = build(parse({}).model.model_copy(deep=True), num_classes=19).to(place).train()
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-4)
    images = torch.randn(batch, 3, size, size, device=place)
    masks = torch.zeros(batch, size // 4, size // 4, dtype=torch.long, device=place)
    for step in range(steps + 5):
        if step == 5:
            _wait(place)
            began = time.perf_counter()
        with torch.autocast(place.type, torch.bfloat16):
            loss = F.cross_entropy(network(images).float(), masks)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        optimizer.zero_grad()
    _wait(place)
    measured = steps * batch / (time.perf_counter() - began)
    if not day.is_rehearsal and measured < LEAST_RATE:
        raise Failed(f"{measured:.0f} images/s")
    return f"{measured:.1f} images/s"


def _wait(place: torch.device) -> None:
    if place.type == "cuda":
        torch.cuda.synchronize()


def export(day: Day) -> str:
    result = day.run("export", "export", export__checkpoint=str(day.found["checkpoint"]))
    day.found["onnx"] = result.artifacts["onnx"]
    difference = result.metrics["max_logit_difference"]
    if not difference <= 0.001:
        raise Failed(f"logits differ by {difference:.2e}")
    return f"logits differ by {difference:.2e}"


def parity(day: Day) -> str:
    values = {}
    for name in ("checkpoint", "onnx"):
        settings = {"evaluate.checkpoint": str(day.found[name]), "evaluate.split": "validation"}
        values[name] = day.run("evaluate", f"evaluate-{name}", **settings).metrics["val_miou"]
    day.found["val_miou"] = values["checkpoint"]
    text = f"val_miou {values['checkpoint']:.6f} checkpoint, {values['onnx']:.6f} ONNX Runtime"
    if not abs(values["checkpoint"] - values["onnx"]) <= 0.001:
        raise Failed(text)
    return text


def engine(day: Day, *, precision: str) -> str:
    settings: dict[str, Any] = {
        "gen_trt_engine.onnx_file": str(day.found["onnx"]),
        "gen_trt_engine.tensorrt.data_type": precision,
        "gen_trt_engine.tensorrt.opt_batch_size": 8,
        "gen_trt_engine.tensorrt.max_batch_size": 8,
    }
    if day.is_rehearsal:
        settings["gen_trt_engine.tensorrt.compute_capabilities"] = ["8.9"]
    began = time.perf_counter()
    result = day.run("gen_trt_engine", f"engine-{precision}", **settings)
    day.found[f"engine-{precision}"] = result.artifacts["engine"]
    seconds = time.perf_counter() - began
    return f"{result.metrics['engine_mb']:.1f} MB in {seconds:.0f} s"


def engine_runs(day: Day, *, precision: str) -> str:
    settings = {
        "evaluate.trt_engine": str(day.found[f"engine-{precision}"]),
        "evaluate.split": "validation",
        "evaluate.latency.runs": 100,
    }
    metrics = day.run("evaluate", f"evaluate-engine-{precision}", **settings).metrics
    drop = day.found["val_miou"] - metrics["val_miou"]
    text = (
        f"val_miou {metrics['val_miou']:.6f}, worse by {drop:.6f}, "
        f"p50 {metrics['latency_p50_ms']:.2f} ms, p95 {metrics['latency_p95_ms']:.2f} ms"
    )
    if not drop <= MAX_DROP:
        raise Failed(text)
    return text


def nccl(_day: Day) -> str:
    with tempfile.NamedTemporaryFile() as file:
        distributed.init_process_group(
            "nccl", init_method=f"file://{file.name}-store", world_size=1, rank=0
        )
    try:
        tensor = torch.arange(8, device="cuda", dtype=torch.float32)
        distributed.all_reduce(tensor)
        if tensor.tolist() != list(range(8)):
            raise Failed(f"the sum over one process is {tensor.tolist()}")
    finally:
        distributed.destroy_process_group()
    return "the sum over one process is its own"


def out_of_memory(day: Day) -> str:
    free, _ = torch.cuda.mem_get_info()
    filling = torch.empty(free - 2**29, dtype=torch.uint8, device="cuda")
    try:
        day.run("train", "memory", train__num_epochs=1, dataset__segment__img_size=1024)
    except OutOfMemoryError as error:
        return str(error)
    finally:
        del filling
        torch.cuda.empty_cache()
    raise Failed("a training with half a gigabyte did not run out of memory")


def checks(*, is_rehearsal: bool) -> Iterable[Check]:
    """Yield the checks in order."""
    yield Check("device", "a GPU with bfloat16", device, (GPU,))
    for precision in ("bf16-mixed", "16-mixed"):
        run = partial(training, precision=precision)
        yield Check(f"training in {precision}", "val_miou over 0.5, no NaN", run, (GPU,))
    if is_rehearsal:
        run = partial(training, precision="32-true")
        yield Check("training in 32 bits, for the rehearsal", "val_miou over 0, no NaN", run)
    yield Check("images a second", f"at least {LEAST_RATE:.0f} on a GPU", rate)
    yield Check("export", "logits differ by at most 1e-3", export)
    yield Check("parity", "val_miou equal within 0.001", parity)
    for precision in ("fp16",) if is_rehearsal else ("fp32", "fp16"):
        build_it, run_it = (partial(f, precision=precision) for f in (engine, engine_runs))
        yield Check(f"engine in {precision} is built", "a file", build_it, (TENSORRT,))
        yield Check(
            f"engine in {precision} runs", f"worse by at most {MAX_DROP}, and its times",
            run_it, (GPU, TENSORRT),
        )  # fmt: skip
    yield Check("NCCL with one process", "the sum is its own", nccl, (GPU,))
    yield Check("out of memory", "an error that says what to reduce", out_of_memory, (GPU,))


def lacking(needs: Iterable[str]) -> str | None:
    """Return what a check needs and this machine lacks, if anything."""
    has = {
        GPU: driver_fault() is None,
        TENSORRT: any(find_spec(name) for name in ("tensorrt", "tensorrt_rtx")),
    }
    return next((need for need in needs if not has[need]), None)


def perform(check: Check, day: Day) -> bool:
    """Run a check and print its line; return whether it did not fail."""
    lack = lacking(check.needs)
    if lack is not None:
        word = "NOT RUN" if day.is_rehearsal else "FAIL"
        print(f"{word:8}{check.name}: needs {lack}  (expected: {check.expected})", flush=True)
        return day.is_rehearsal
    began = time.perf_counter()
    try:
        word, text = "PASS", check.run(day)
    except Failed as error:
        word, text = "FAIL", str(error)
    except Exception as error:  # Any check may break; the others are worth their minutes.
        traceback.print_exc()
        word, text = "FAIL", f"{type(error).__name__}: {error}"
    seconds = time.perf_counter() - began
    print(
        f"{word:8}{check.name}: {text}  (expected: {check.expected})  {seconds:.1f} s", flush=True
    )
    return word == "PASS"


def main(words: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rehearse", action="store_true", help="on any machine, small")
    is_rehearsal = parser.parse_args(words).rehearse
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        day = Day(Path(folder), is_rehearsal)
        skill.sample(day.data, seed=0)
        held = [perform(check, day) for check in checks(is_rehearsal=is_rehearsal)]
    print(f"{held.count(False)} of {len(held)} failed, {time.perf_counter() - began:.0f} s")
    return int(not all(held))


if __name__ == "__main__":
    sys.exit(main())
