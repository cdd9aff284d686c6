"""The cost of 8 bits: val_miou of the demo's model before and after each way to quantize it.

    python -m experiments.int8 [--epochs 10] [--only onnxruntime-minmax-cpu modelopt-max ...]
    python -m experiments.int8 --promoted runs/search/promoted --data DATA [--qat 3]

Trains MiT-B0 on the generated data (64 px, batch 4, the learning rate that the demo's search finds)
and prints, for each way, the mIoU before and after, and whether it passes the gate of 0.02.

With --promoted a promoted model is quantized as a promotion does: prints mIoU and speed on one
thread before and after, and the share of each kind of node in the time of both graphs.
"""

import argparse
import json
import tempfile
from collections import Counter
from pathlib import Path

import numpy as np
import onnxruntime
import yaml

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
    parser.add_argument("--promoted", type=Path, help="folder of a promoted model")
    parser.add_argument("--data", type=Path, help="its data set")
    parser.add_argument("--qat", type=int, default=0, help="epochs of fine-tuning")
    options = parser.parse_args()
    if options.promoted is not None:
        _quantize_promoted(options.promoted, options.data, options.qat)
        return
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


def _quantize_promoted(promoted: Path, data: Path, epochs: int) -> None:
    model = promoted / ("model.safetensors" if epochs else "model.onnx")
    spec = yaml.safe_load((promoted / "spec.yaml").read_text())
    spec["dataset"]["segment"]["root_dir"] = str(data)
    spec["quantize"] = {"model_path": str(model), "algorithm": "auto", "target_drop": 0.005,
                        "max_miou_drop": 1.0, "qat_epochs": epochs}  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        result = quantize(parse(spec), Path(folder))
        for name, value in result.metrics.items():
            print(f"{name:22} {value:.4f}", flush=True)
        print(result.note)
        shares = [_shares(path) for path in (promoted / "model.onnx", result.artifacts["onnx"])]
    print(f"{'ms of a kind of node':22} before  after")
    for kind in sorted(shares[0] | shares[1], key=lambda kind: -shares[1][kind]):
        print(f"{kind:22} {shares[0][kind]:6.2f} {shares[1][kind]:6.2f}")


def _shares(model: Path, runs: int = 20) -> Counter[str]:
    """Return the milliseconds of each kind of node in one image, on one thread."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.enable_profiling = True
    with tempfile.TemporaryDirectory() as folder:
        options.profile_file_prefix = f"{folder}/profile"
        session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        shape = session.get_inputs()[0].shape
        image = np.random.default_rng(0).normal(size=(1, *shape[1:])).astype(np.float32)
        for _ in range(runs):
            session.run(None, {"input": image})
        events = json.loads(Path(session.end_profiling()).read_text())
    times: Counter[str] = Counter()
    for event in events:
        if event["name"].endswith("_kernel_time"):
            times[event["args"]["op_name"]] += event["dur"] / 1000 / runs
    return times


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
