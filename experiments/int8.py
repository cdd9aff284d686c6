"""The cost of 8 bits: val_miou of the demo's model before and after each way to quantize it.

    python -m experiments.int8 [--epochs 10] [--only onnxruntime-minmax-cpu modelopt-max ...]

Trains MiT-B0 on the generated data (64 px, batch 4, the learning rate that the demo's search finds)
and prints, for each way, the mIoU before and after, and whether it passes the gate of 0.02.
"""

import argparse
import tempfile
from pathlib import Path

from segformer.data.description import described
from segformer.errors import RejectedError
from segformer.export.onnx import export
from segformer.quantization.quantize import quantize
from segformer.skill import skill
from segformer.spec import Spec, parse
from segformer.spec.overrides import nested
from segformer.training.loop import train

WAYS: dict[str, dict[str, str]] = {
    **{
        f"onnxruntime-{algorithm}-{device}": {"algorithm": algorithm, "device": device}
        for algorithm in ("minmax", "max", "entropy", "percentile")
        for device in ("cpu", "trt")
    },
    **{
        f"modelopt-{algorithm}": {"backend": "modelopt.pytorch", "algorithm": algorithm}
        for algorithm in ("max", "entropy", "percentile")
    },
    "torchao": {"backend": "torchao", "mode": "weight_only_ptq"},
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--only", nargs="*", choices=list(WAYS), default=list(WAYS))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        skill.sample(folder / "data", seed=0)
        best = train(_spec(folder, **{"train.num_epochs": options.epochs}), folder / "train")
        checkpoint = best.artifacts["best"]
        sides = {"export.input_height": 64, "export.input_width": 64}
        exporting = _spec(folder, **{"export.checkpoint": str(checkpoint)}, **sides)
        onnx_file = export(exporting, folder / "export").artifacts["onnx"]
        print(f"{'way':32} before  after   drop    MB", flush=True)
        for way in options.only:
            is_onnx = way.startswith("onnxruntime")
            words = {"model_path": str(onnx_file if is_onnx else checkpoint), **WAYS[way]}
            spec = _spec(folder, **{f"quantize.{k}": v for k, v in words.items()})
            print(f"{way:32} {_told(spec, folder / way)}", flush=True)


def _spec(folder: Path, **values: object) -> Spec:
    common = {
        "dataset.segment.root_dir": str(folder / "data"), "dataset.segment.img_size": 64,
        "model.backbone.type": "mit_b0",
        "dataset.segment.batch_size": 4, "dataset.segment.workers": 0,
        "train.optim.lr": 0.003747, "train.seed": 0,
    }  # fmt: skip
    classes = described(folder / "data", given={})
    return parse(nested({**classes, **common, **values}))


def _told(spec: Spec, folder: Path) -> str:
    try:
        metrics = quantize(spec, folder).metrics
    except RejectedError as error:
        return f"refused: {error}"
    names = ("val_miou_before", "val_miou", "miou_drop")
    scores = "  ".join(f"{metrics[name]:.4f}" for name in names)
    return f"{scores}  {metrics['size_mb']:.1f}"


if __name__ == "__main__":
    main()
