"""Time of a training step: MiT-B0 against transformers', and EfficientNet-Lite0 in both layouts.

    python experiments/step_time.py --size 160 --batch 8 --threads 1 --rounds 10

A step is forward, cross-entropy at the image's size, backward, AdamW. The models take turns, so
that other load on the machine falls on all. Read the ratios of the medians.
"""

import argparse
import statistics
import time
from collections.abc import Callable

import torch
from torch.nn import functional as F
from transformers.models.segformer.modeling_segformer import SegformerForSemanticSegmentation

from segformer.model.encoders.mit import transformers_config
from segformer.model.segformer import build
from segformer.spec import parse

CLASSES = 11


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    for name, default in (("size", 160), ("batch", 8), ("threads", 1), ("rounds", 10)):
        parser.add_argument(f"--{name}", type=int, default=default)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    images = torch.randn(options.batch, 3, options.size, options.size)
    masks = torch.randint(0, CLASSES, (options.batch, options.size, options.size))
    rows = images.contiguous(memory_format=torch.channels_last)
    steps = {
        "transformers' mit_b0": step(published(), images, masks),
        "mit_b0": step(ours("mit_b0"), images, masks),
        "efficientnet_lite0": step(ours("efficientnet_lite0"), images, masks),
        "efficientnet_lite0, channels_last": step(
            ours("efficientnet_lite0").to(memory_format=torch.channels_last),  # type: ignore[call-overload]
            rows,
            masks,
        ),
    }
    times: dict[str, list[float]] = {name: [] for name in steps}
    for _ in range(options.rounds + 1):
        for name, run in steps.items():
            start = time.perf_counter()
            run()
            times[name].append(time.perf_counter() - start)
    medians = {name: statistics.median(seconds[1:]) for name, seconds in times.items()}
    first = next(iter(medians.values()))
    for name, seconds in medians.items():
        print(f"{name}: {1000 * seconds:.0f} ms a step, {seconds / first:.3f} of the first")


def step(model: torch.nn.Module, images: torch.Tensor, masks: torch.Tensor) -> Callable[[], None]:
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4)

    def run() -> None:
        optimizer.zero_grad()
        logits = model(images)
        logits = getattr(logits, "logits", logits)
        logits = F.interpolate(logits, size=masks.shape[1:], mode="bilinear", align_corners=False)
        loss = F.cross_entropy(logits, masks, ignore_index=255)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()

    return run


def ours(encoder: str) -> torch.nn.Module:
    spec = parse({"model": {"backbone": {"type": encoder}}})
    return build(spec.model, num_classes=CLASSES).train()


def published() -> torch.nn.Module:
    config = transformers_config("mit_b0")
    config.num_labels, config.decoder_hidden_size = CLASSES, 256
    model: torch.nn.Module = SegformerForSemanticSegmentation(config)
    return model.train()


if __name__ == "__main__":
    main()
