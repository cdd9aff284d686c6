"""Time of one image: eager PyTorch, ONNX Runtime in fp32, ONNX Runtime in int8, on the CPU.

    python experiments/latency.py                        # MiT-B0, 256 px, batch 1, all cores
    python experiments/latency.py --threads 1 --rounds 200

The models are files as users have them: safetensors, the exported ONNX model, the quantized one.
They take turns, so that other load on the machine falls on all. Read the ratios; the times
themselves need an idle machine. Weights and image are random, which does not change the time. All
parameters are drawn, biases too, because a network that was never trained has
equal ones, which the exporter would share.
"""

import argparse
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from segformer.evaluation.predictor import Predictor, load_predictor
from segformer.export.onnx import write_onnx
from segformer.model.saved import ModelRecord, write_safetensors
from segformer.model.segformer import build
from segformer.quantization.qdq import QdqSettings, quantize_onnx
from segformer.spec import Spec, parse
from segformer.spec.overrides import nested

WARM_UP = 5
WANTED = {("torch", "fp32"): 1.5, ("fp32", "int8"): 1.2}
"""How many times as fast the second must be."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name, default in (("size", 256), ("batch", 1), ("rounds", 100), ("threads", 0)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--backbone", default="mit_b0")
    options = parser.parse_args()
    # Before the models are loaded: ONNX Runtime takes the number of threads that torch has then.
    torch.set_num_threads(options.threads or torch.get_num_threads())
    spec = parse(
        nested(
            {
                "model.backbone.type": options.backbone,
                "dataset.segment.img_size": options.size,
                "dataset.segment.num_classes": 11,
                "export.input_height": options.size,
                "export.input_width": options.size,
            }
        )
    )
    with tempfile.TemporaryDirectory() as folder:
        models = predictors(spec, Path(folder))
    images = torch.randn(options.batch, 3, options.size, options.size)
    times = timed(models, images, options.rounds)
    print(
        f"{options.backbone}, {options.size} px, batch {options.batch}, "
        f"{torch.get_num_threads()} threads, {options.rounds} rounds"
    )
    for name, seconds in times.items():
        mean, p50 = 1000 * statistics.fmean(seconds), 1000 * statistics.median(seconds)
        print(f"{name:6s} mean {mean:7.2f} ms   median {p50:7.2f} ms")
    for (slow, fast), wanted in WANTED.items():
        mean = statistics.fmean(times[slow]) / statistics.fmean(times[fast])
        p50 = statistics.median(times[slow]) / statistics.median(times[fast])
        print(f"{slow} / {fast}: {mean:.2f} of the means, {p50:.2f} of the medians (>= {wanted})")


def predictors(spec: Spec, folder: Path) -> dict[str, Predictor]:
    """Return the models, ready to run."""
    torch.manual_seed(0)
    network = build(spec.model, num_classes=spec.dataset.segment.num_classes).eval()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.02 * torch.randn_like(parameter))
    record = ModelRecord.of(spec)
    files = {
        "torch": folder / "model.safetensors",
        "fp32": folder / "model.onnx",
        "int8": folder / "int8.onnx",
    }
    write_safetensors(files["torch"], network, record)
    write_onnx(network, files["fp32"], options=spec.export, record=record)
    quantize_onnx(files["fp32"], files["int8"], noise(folder, 4, side=64), QdqSettings())
    cpu = torch.device("cpu")
    return {n: load_predictor(file, otherwise=record, device=cpu) for n, file in files.items()}


def noise(folder: Path, count: int, *, side: int) -> list[Path]:
    """Write images of noise to calibrate on."""
    draw, paths = np.random.default_rng(0), []
    for index in range(count):
        paths.append(folder / f"{index}.png")
        pixels = draw.integers(0, 256, (side, side, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(paths[-1])
    return paths


@torch.inference_mode()
def timed(
    models: dict[str, Predictor], images: torch.Tensor, rounds: int
) -> dict[str, list[float]]:
    """Return the seconds of each model's runs, which take turns."""
    times: dict[str, list[float]] = {name: [] for name in models}
    for turn in range(WARM_UP + rounds):
        for name, model in models.items():
            began = time.perf_counter()
            model.logits(images)
            if turn >= WARM_UP:
                times[name].append(time.perf_counter() - began)
    return times


if __name__ == "__main__":
    main()
