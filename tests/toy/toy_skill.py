"""A real skill in 150 lines whose "training" is arithmetic, so that searches take milliseconds.

The score of an epoch is a known function of the values; a checkpoint is a JSON file, an "ONNX
model" a copy of it. Spec keys make it fail in the ways that real trainings do. Its libraries load
late, as each search of the tests starts a worker.
"""

import fcntl
import json
import os
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import yaml

SPEC = {
    "data.root": "",
    "train.epochs": 4,
    "train.lr": 1e-3,
    "train.width": 8,
    "train.kind": "plain",
    "train.flip.enable": True,
    "train.flip.p": 0.5,
    "train.batch_size": 8,
    "train.accumulate": 1,
    "train.optim.name": "adamw",
    "train.optim.momentum": 0.9,
    "train.optim.weight_decay": 0.01,
    "train.schedule.policy": "linear",
    "train.schedule.warmup_epochs": 2,
    "train.augment.rotate.enable": True,
    "train.augment.rotate.p": 0.5,
    "train.augment.color.brightness": 0.3,
    "train.augment.color.contrast": 0.3,
    "train.augment.color.saturation": 0.3,
    "train.augment.color.hue": 0.3,
    "train.augment.crop.enable": False,
    "train.seed": 0,
    "train.gpus": 1,
    "train.fail": "",
    "train.pause_s": 0.0,
    "train.results_dir": "",
    "evaluate.model": "",
    "evaluate.latency_ms": 0.0,
    "export.model": "",
    "export.onnx": "",
    "export.drift": 0.0,
    "export.logits": 0.0,
    "export.fail": "",
}


LIES = {
    "text": lambda epoch, score: (epoch, str(score)),
    "bool": lambda epoch, score: (epoch, True),
    "fraction": lambda epoch, score: (epoch + 0.5, score),
    "gap": lambda epoch, score: (2 * epoch - 1, score),
    "back": lambda epoch, score: (3 - epoch, score),
    "negative": lambda epoch, score: (-epoch, score),
    "beyond": lambda epoch, score: (1000, score),
}
"""Reports that make no sense."""


class ToyError(Exception):
    def __init__(self, kind, message):
        super().__init__(message)
        self.kind = kind
        self.faults = (message,)


@dataclass(frozen=True)
class ToyResult:
    artifacts: dict
    metrics: dict


@dataclass(frozen=True)
class ToyComparison:
    before: float
    after: float
    low: float
    high: float
    images: int = 1


def score(flat, epoch):
    """Best at lr 3e-2, width 16, flips on with p 0.2; grows with the epochs."""
    import math

    miss = abs(math.log10(flat["train.lr"] / 3e-2)) / 4 + abs(flat["train.width"] - 16) / 64
    flips = abs(flat["train.flip.p"] - 0.2) / 4 if flat["train.flip.enable"] else 0.3
    luck = (flat["train.seed"] * 7919 % 11) / 1000
    return (1 - miss - flips - _colours(flat)) * (1 - 0.5 ** (epoch + 1)) - luck


def _colours(flat):
    """Return what colours that are far from the defaults cost: nothing for the defaults."""
    keys = [key for key in SPEC if key.startswith("train.augment.color.")]
    return sum(abs(flat[key] - SPEC[key]) for key in keys) / 10


class ToySkill:
    name = "toy"
    folder = Path(__file__).parent / "toy_skill"

    def resolve(self, action, overrides):
        flat = {**SPEC, **overrides}
        if flat["train.kind"] == "odd":
            raise ToyError("usage", "train.kind: odd is not allowed with this width")
        nested = {}
        for key, value in flat.items():
            *above, name = key.split(".")
            node = nested
            for part in above:
                node = node.setdefault(part, {})
            node[name] = value
        return nested

    def check(self, spec, *, progress=None):
        root = Path(spec["data"]["root"])
        if not root.is_dir():
            raise ToyError("bad_data", f"{root}: no such folder")
        if progress:
            progress(1, 1)
        is_changed = (root / "changed").exists()
        fingerprint = "changed" if is_changed else "toy"
        return {"fingerprint": fingerprint, "train": 1, "facts": {"train_images": 1}}

    def run(self, action, spec, folder, report=None):
        folder.mkdir(parents=True, exist_ok=True)
        return getattr(self, f"_{action}")(spec, folder, report)

    def preload(self):
        """Leave a file where TOY_PRELOADED says, if it says so."""
        if "TOY_PRELOADED" in os.environ:
            Path(os.environ["TOY_PRELOADED"]).touch()

    def named_choices(self, weights, values, *, may_download):
        """Return two ways to begin; the wide one learns at lower rates."""
        narrow = {"set": {"train.width": 8}, "search": {"train.lr": {"low": 1e-3, "high": 1.0}}}
        wide = {
            "set": {"train.width": 16, "train.batch_size": 4},
            "search": {"train.lr": {"low": 1e-5, "high": 1e-2, "log": True, "prior": 1e-3}},
        }
        return {"start": {"choices": {"narrow": narrow, "wide": wide}}}

    def refine(self, kind, spec, checkpoints, target):
        """Return a better state: an average gains a tenth, except of more than two."""
        states = [json.loads(path.read_text()) for path in checkpoints]
        if kind == "polish":
            raise ToyError("usage", "nothing to polish")
        gain = 0.1 if len(states) == 2 else -0.1
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(json.dumps({**states[0], "score": states[0]["score"] + gain}))
        return target

    def compare(self, kind, spec, old, new, *, split):
        before, after = (json.loads(path.read_text())["score"] for path in (old, new))
        gain = after - before if split == "validation" or spec["train"]["fail"] != "test" else -1
        return ToyComparison(before, after, gain - 0.01, gain + 0.01)

    def compare_evaluations(self, metric, old, new):
        before, after = (json.loads(path.read_text())[metric] for path in (old, new))
        gain = after - before
        return ToyComparison(before, after, gain - 0.0001, gain + 0.0001)

    def measure(self, spec, names):
        """As large as it is wide; memory for 64, or 48 where train.fail is small."""
        width = spec["train"]["width"]
        costs = {"parameters": width * 100.0, "latency_ms": width / 2, "memory_mb": float(width),
                 "memory_limit_mb": 48.0 if spec["train"]["fail"] == "small" else 64.0}  # fmt: skip
        return {name: costs[name] for name in names}

    def sample(self, folder, *, seed, kind=None):
        folder.mkdir(parents=True, exist_ok=True)
        if kind == "full":
            Path("/dev/full").write_text("the disk takes no more")
        (folder / "data.txt").write_text(" ".join(filter(None, [str(seed), kind])))

    def generate(self, folder):
        return []

    def _train(self, spec, folder, report):
        flat = _flat(spec)
        last = folder / "checkpoints" / "last.json"
        last.parent.mkdir(exist_ok=True)
        state = json.loads(last.read_text()) if last.exists() else {"epoch": 0, "score": -1.0}
        with (folder / "training").open("a") as lock:
            # Two trainings at once in one folder are a fault; a dead one holds nothing.
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return self._trained(flat, state, folder, report)

    def _trained(self, flat, state, folder, report):
        last, best = folder / "checkpoints" / "last.json", folder / "checkpoints" / "best.json"
        with (folder / "epochs.txt").open("a") as log:
            log.write(f"from {state['epoch']}\n")
        if state["epoch"] and report and report(state["epoch"], _metrics(state)) != "continue":
            return ToyResult({"best": best, "last": last}, {"score": state["score"]})
        while state["epoch"] < flat["train.epochs"]:
            epoch = state["epoch"] + 1
            self._fail(flat, epoch, folder)
            time.sleep(flat["train.pause_s"])
            state = {"epoch": epoch, "score": score(flat, epoch), "values": flat}
            for path in (last, best):
                beside = path.with_suffix(".tmp")
                beside.write_text(json.dumps(state))
                beside.replace(path)
            metrics = _metrics(state)
            if flat["train.fail"] in LIES:
                epoch, metrics["score"] = LIES[flat["train.fail"]](epoch, metrics["score"])
            if flat["train.fail"] == "metric":
                del metrics["score"]
            if report and report(epoch, metrics) != "continue":
                break
        return ToyResult({"best": best, "last": last}, {"score": state["score"]})

    def _fail(self, flat, epoch, folder):
        how = flat["train.fail"]
        if (Path(flat["data.root"]) / "harmed").exists():
            raise ToyError("bad_data", "toy: harmed")
        if how.startswith("unless_") and epoch == 1:
            self._wait_for(int(how.removeprefix("unless_")), folder.parent)
        if how == "memory":
            raise ToyError("out_of_memory", "toy: no memory left")
        if how in ("hang", "hang_once") and not (folder / "hung").exists():
            if how == "hang_once":
                (folder / "hung").touch()
            time.sleep(1e6)
        if how == "crash_once" and epoch == 2 and not (folder / "crashed").exists():
            (folder / "crashed").touch()
            raise ValueError("toy: flaky")
        if how == "daemon":
            subprocess.Popen(["sleep", "86399"], start_new_session=True)
        if how == "disk":
            raise OSError(28, "No space left on device", str(folder / "last.json"))
        if how == "crash":
            raise ValueError("toy: broke")
        if how == "always" and epoch == 2:
            os.kill(os.getpid(), signal.SIGKILL)
        if how == "once" and epoch == 2 and not (folder / "killed").exists():
            (folder / "killed").touch()
            os.kill(os.getpid(), signal.SIGKILL)
        if how == "batch" and flat["train.batch_size"] > 4:
            raise ToyError("out_of_memory", "toy: the batch is too large")
        if how == "lion" and flat["train.optim.name"] == "lion":
            raise ValueError("toy: a lion")
        if how == "wide" and flat["train.width"] > 8:
            raise ToyError("out_of_memory", "toy: too wide")

    def _wait_for(self, count, trials):
        """Fail unless so many trainings have begun soon, so that all run at once."""
        deadline = time.monotonic() + 200
        while len(list(trials.glob("*/training"))) < count:
            if time.monotonic() > deadline:
                raise ValueError(f"toy: {count} trainings never ran at once")
            time.sleep(0.05)

    def _export(self, spec, folder, report):
        flat = _flat(spec)
        state = json.loads(Path(flat["export.model"]).read_text())
        if flat["export.fail"]:
            raise ToyError(flat["export.fail"], f"toy: no export into {folder}")
        state["score"] += flat["export.drift"]
        target = Path(flat["export.onnx"])
        _write_onnx(target, state)
        return ToyResult({"onnx": target}, {"max_logit_difference": flat["export.logits"]})

    def _evaluate(self, spec, folder, report):
        from PIL import Image

        flat = _flat(spec)
        model, latency_ms = Path(flat["evaluate.model"]), flat["evaluate.latency_ms"]
        if model.suffix == ".onnx":
            import onnx

            state = json.loads(onnx.load(str(model)).metadata_props[0].value)
        else:
            state = json.loads(model.read_text())
        Image.new("RGB", (8, 4), "#3366cc").save(folder / "sample.png")
        told = {
            "title": "Toys",
            "images": [{"file": "sample.png", "caption": "a <toy>"}],
            "tables": [{"columns": ["toy", "colour", "score"],
                        "rows": [["car", {"colour": "#3366cc"}, state["score"]]]}],
            "matrices": [{"labels": ["car", "ball"], "values": [[3, 1], [0, 4]]}],
        }  # fmt: skip
        (folder / "report.json").write_text(json.dumps(told))
        speed = {"latency_p50_ms": latency_ms, "latency_p95_ms": 2 * latency_ms}
        counts = folder / "image_counts.json"
        counts.write_text(json.dumps({"score": state["score"]}))
        return ToyResult(
            {"image_counts": counts}, {"score": state["score"], **(speed if latency_ms else {})}
        )


def _metrics(state):
    return {"score": state["score"], "loss": 1 - state["score"]}


def _write_onnx(path, state):
    """Write a model that passes its input on and carries the state as metadata."""
    import onnx
    from onnx import TensorProto, helper

    ends = [helper.make_tensor_value_info(n, TensorProto.FLOAT, ["batch", 3]) for n in ("i", "o")]
    graph = helper.make_graph(
        [helper.make_node("Identity", ["i"], ["o"])], "toy", *map(list, zip(ends))
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    helper.set_model_props(model, {"state": json.dumps(state)})
    onnx.save(model, str(path))


def _flat(nested, prefix=""):
    flat = {}
    for name, value in nested.items():
        if isinstance(value, dict):
            flat.update(_flat(value, f"{prefix}{name}."))
        else:
            flat[prefix + name] = value
    return flat


def _property(key, value):
    kinds = {bool: "boolean", int: "integer", float: "number", str: "string"}
    node = {"type": kinds[type(value)], "default": value, "description": key}
    node.update(
        {
            "train.lr": {"exclusiveMinimum": 0, "scale": "log"},
            "train.width": {"minimum": 1, "maximum": 64},
            "train.epochs": {"minimum": 1},
            "train.gpus": {"minimum": 1},
            "train.kind": {"enum": ["plain", "odd"]},
            "train.optim.name": {"enum": ["sgd", "adam", "adamw", "lion"]},
            "train.schedule.policy": {"enum": ["linear", "cosine", "step"]},
            "train.flip.p": {
                "minimum": 0,
                "maximum": 1,
                "active_when": {"train.flip.enable": True},
            },
        }.get(key, {})
    )
    return node


def write_folder(folder):
    """Write the skill's folder: one schema for all actions, skill_info.yaml, templates."""
    document = {"type": "object", "properties": {}}
    for key, value in SPEC.items():
        node = document["properties"]
        *above, name = key.split(".")
        for part in above:
            node = node.setdefault(part, {"type": "object", "properties": {}})["properties"]
        node[name] = _property(key, value)
    document["automl_default_parameters"] = [
        "train.lr",
        "train.width",
        "train.flip.enable",
        "train.flip.p",
    ]
    info = {
        "name": "toy",
        "automl_enabled": True,
        "objective": {"metric": "score", "mode": "max"},
        "epochs_key": "train.epochs",
        "seed_key": "train.seed",
        "metrics": ["score", "loss"],
        "gpus": {"key": "train.gpus", "unless": {"train.kind": "odd"}},
        "costs": {
            "metrics": ["parameters", "latency_ms", "memory_mb", "memory_limit_mb"],
            "keys": ["train.width"],
        },
        "refinements": {"average": "several", "polish": "one"},
        "batch_size_key": "train.batch_size",
        "accumulation_key": "train.accumulate",
        "checkpoints": {"best": "checkpoints/best.json", "last": "checkpoints/last.json"},
        "data_sources": {"train": {"data.root": {"source": "train_datasets"}}},
        "spec_shorthand_keys": {"learning_rate": "train.lr"},
        "spec_params": {
            "train": {"train.results_dir": "output_dir"},
            "evaluate": {"evaluate.model": "parent_model"},
            "export": {"export.model": "parent_model", "export.onnx": "create_onnx_file"},
        },
    }
    for name in ("schemas", "references"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    for action in ("train", "evaluate", "export"):
        (folder / "schemas" / f"{action}.schema.json").write_text(json.dumps(document, indent=2))
    (folder / "references" / "skill_info.yaml").write_text(yaml.safe_dump(info))
    (folder / "references" / "spec_template_train.yaml").write_text("{}\n")


skill = ToySkill()

if __name__ == "__main__":
    write_folder(ToySkill.folder)
