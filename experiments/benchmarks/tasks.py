"""The replayed trainings: LCBench's learned curves and TaskSet's recorded ones, and their scale.

A task gives the objective of a configuration after each of 50 epochs. Its optimum and median are
taken over the configurations, each by its best finite value within the 50 epochs.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from automl.space.space import Parameter, SearchSpace

EPOCHS = 50
"""One full training."""
SAMPLE = 2000
"""Random configurations that a learned task's optimum and median are taken from."""
TIMED = 300
"""Random configurations that the median time of an epoch is taken from."""
TARGET = "val_accuracy"
LOG_SPAN = 100.0
"""A recorded hyperparameter whose values span more than this is searched on a log scale."""


@dataclass(frozen=True)
class Scale:
    """The values of regret 0 and 1 on a task, in the task's own unit."""

    optimum: float
    median: float

    def regret(self, best_seen: float) -> float:
        """Return the normalised regret in [0, 1]; 1 if nothing finite was seen."""
        if not np.isfinite(best_seen):
            return 1.0
        return float(np.clip((best_seen - self.optimum) / (self.median - self.optimum), 0, 1))


class Task(Protocol):
    """A space to search and the curves of its configurations."""

    name: str
    mode: str
    space: SearchSpace
    scale: Scale

    def curve(self, values: Mapping[str, Any], epochs: int) -> np.ndarray:
        """Return the objective after epochs 1 to `epochs`; NaN and inf where training diverged."""
        ...

    def epoch_seconds(self, values: Mapping[str, Any]) -> float:
        """Return how long one epoch of a configuration takes, in the task's own unit."""
        ...

    @property
    def typical_seconds(self) -> float:
        """How long one epoch of the median configuration takes."""
        ...


class Scales(Protocol):
    """Keeps scales, whose search takes seconds a task."""

    def scale(self, digest: str) -> Scale | None:
        """Return a scale that was computed before."""
        ...

    def put_scale(self, digest: str, scale: Scale) -> None:
        """Keep a scale."""
        ...


class LcbenchTask:
    """Accuracy on one data set as LCBench's surrogate predicts it, for any configuration."""

    mode = "max"

    def __init__(self, surrogate: "Surrogate", dataset: str, scales: "Scales") -> None:
        self.name = f"lcbench-{dataset}"
        self.space = surrogate.space
        self._surrogate = surrogate
        self._dataset = dataset
        digest = f"{dataset}-{surrogate.digest}-{SAMPLE}"
        kept = scales.scale(digest)
        self.scale = kept or self._find_scale()
        if kept is None:
            scales.put_scale(digest, self.scale)

    def curve(self, values: Mapping[str, Any], epochs: int) -> np.ndarray:
        """Return the accuracy in per cent after epochs 1 to `epochs`."""
        steps = list(range(1, epochs + 1))
        predicted = self._surrogate.predict(self._dataset, [values], epochs=steps)
        return np.asarray(predicted[0, :, self._surrogate.target])

    def epoch_seconds(self, values: Mapping[str, Any]) -> float:
        """Return a fiftieth of the predicted time of the full training."""
        last = self._surrogate.predict(self._dataset, [values], epochs=[EPOCHS])[0, 0]
        return max(float(last[self._surrogate.time]) / EPOCHS, 1e-3)

    @cached_property
    def typical_seconds(self) -> float:
        """The median of random configurations."""
        rng = np.random.default_rng(0)
        values = [self.space.sample(rng) for _ in range(TIMED)]
        last = self._surrogate.predict(self._dataset, values, epochs=[EPOCHS])[:, 0]
        return max(float(np.median(last[:, self._surrogate.time])) / EPOCHS, 1e-3)

    def _find_scale(self) -> Scale:
        """Sample the space, then climb from the ten best: the sample alone misses the peak."""
        rng = np.random.default_rng(0)
        units = rng.random((SAMPLE, len(self.space.parameters)))
        bests = self._bests(units)
        median = float(np.median(bests))
        top = np.argsort(-bests)[:10]
        peaks, heights = units[top], bests[top]
        for step in (0.1, 0.05, 0.02):
            moved = np.repeat(peaks, 20, axis=0)
            moved = np.clip(moved + rng.normal(0, step, moved.shape), 0, 1)
            units = np.concatenate([peaks, moved])
            bests = np.concatenate([heights, self._bests(moved)])
            top = np.argsort(-bests)[:10]
            peaks, heights = units[top], bests[top]
        return Scale(optimum=float(heights[0]), median=median)

    def _bests(self, units: np.ndarray) -> np.ndarray:
        blocks = np.array_split(units, max(1, len(units) // 500))
        return np.concatenate(
            [
                self._surrogate.predict(
                    self._dataset, [values_from_unit(self.space, u) for u in block]
                )[:, :, self._surrogate.target].max(axis=1)
                for block in blocks
            ]
        )


class Surrogate:
    """The ONNX model of all LCBench data sets, on one thread."""

    def __init__(self, folder: Path) -> None:
        import onnxruntime

        order = json.loads((folder.parent / "onnx_input_order.json").read_text())["lcbench"]
        self._inputs: list[str] = order["cont_names"]
        self.target: int = order["y_names"].index(TARGET)
        self.time: int = order["y_names"].index("time")
        self.datasets: dict[str, int] = json.loads((folder / "yahpo_encoding.json").read_text())[
            order["cat_names"][0]
        ]
        model = (folder / "yahpo_v1_lcbench.onnx").read_bytes()
        self.digest = hashlib.sha256(model).hexdigest()[:12]
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(
            model, options, providers=["CPUExecutionProvider"]
        )
        described = json.loads((folder / "yahpo_config_space.json").read_text())
        self.space = SearchSpace(
            {p.key: p for p in map(_described, described["hyperparameters"]) if p is not None}, {}
        )
        self.offered: list[str] = next(
            h["choices"] for h in described["hyperparameters"] if h["type"] == "categorical"
        )

    def predict(
        self,
        dataset: str,
        configurations: Sequence[Mapping[str, Any]],
        *,
        epochs: list[int] | None = None,
    ) -> np.ndarray:
        """Return (configurations, epochs, outputs) in one call of the model."""
        steps = np.asarray(epochs or range(1, EPOCHS + 1), dtype=np.float32)
        table = np.array(
            [[c.get(name, 0.0) for name in self._inputs] for c in configurations], np.float32
        )
        rows = np.repeat(table, len(steps), axis=0)
        rows[:, self._inputs.index("epoch")] = np.tile(steps, len(configurations))
        codes = np.full((len(rows), 1), self.datasets[dataset], np.int32)
        (predicted,) = self._session.run(None, {"x_cat": codes, "x_cont": rows})
        return np.asarray(predicted).reshape(len(configurations), len(steps), -1)


class TasksetTask:
    """Validation loss of one recorded task; a configuration stands for its nearest recorded one."""

    mode = "min"

    def __init__(self, name: str, hp: np.ndarray, names: list[str], curves: np.ndarray) -> None:
        self.name = f"taskset-{name}"
        columns = [_recorded(key, hp[:, i]) for i, key in enumerate(names)]
        self.space = SearchSpace({p.key: p for p, _ in columns}, {})
        stacked = {p.key: v for p, v in columns}
        self._units = np.stack(
            [_to_unit(p, stacked[key]) for key, p in self.space.parameters.items()], axis=1
        )
        # Step 0 is before any training.
        self._curves = curves[:, 1 : EPOCHS + 1].astype(float)
        bests = np.where(np.isfinite(self._curves), self._curves, np.inf).min(axis=1)
        # A configuration without any finite value ranks last and still counts for the median.
        self.scale = Scale(optimum=float(bests.min()), median=float(np.median(bests)))

    def curve(self, values: Mapping[str, Any], epochs: int) -> np.ndarray:
        """Return the loss after epochs 1 to `epochs`."""
        unit = np.array([_to_unit(p, values[key]) for key, p in self.space.parameters.items()])
        nearest = int(((self._units - unit) ** 2).sum(axis=1).argmin())
        return np.asarray(self._curves[nearest, :epochs])

    def epoch_seconds(self, values: Mapping[str, Any]) -> float:
        """Return 1: the times were not recorded."""
        return 1.0

    typical_seconds = 1.0


def load_lcbench(folder: Path, names: Sequence[str] | None, scales: Scales) -> list[Task]:
    """Return the tasks of LCBench's surrogate, all or those named by OpenML's task id."""
    surrogate = Surrogate(folder)
    return [
        LcbenchTask(surrogate, n, scales)
        for n in chosen(names, surrogate.offered, "--lcbench-tasks")
    ]


def load_taskset(file: Path, names: Sequence[str] | None) -> list[Task]:
    """Return the recorded tasks whose curves the file holds, all or those named."""
    with np.load(file, allow_pickle=False) as data:
        offered = [key.removeprefix("curves__") for key in data if key.startswith("curves__")]
        split = list(data["splits"]).index("valid")
        hp, keys = data["hp"], [str(n) for n in data["hp_names"]]
        return [
            TasksetTask(n, hp, keys, data[f"curves__{n}"][:, :, split])
            for n in chosen(names, offered, "--taskset-tasks")
        ]


def chosen(names: Sequence[str] | None, offered: list[str], flag: str) -> list[str]:
    """Return the names that are asked for, all if none is; raises `ValueError` for others."""
    unknown = [n for n in names or [] if n not in offered]
    if unknown:
        raise ValueError(f"{flag}: {', '.join(unknown)} unknown; there are {', '.join(offered)}")
    return list(names or offered)


def _described(described: Mapping[str, Any]) -> Parameter | None:
    """Return a parameter of ConfigSpace's JSON; None for the epoch and the data set."""
    if described["name"] == "epoch" or described["type"] == "categorical":
        return None
    return Parameter(
        key=described["name"],
        kind={"uniform_int": "int", "uniform_float": "float"}[described["type"]],
        default=described["default"],
        low=described["lower"],
        high=described["upper"],
        is_log=described["log"],
    )


def _recorded(key: str, values: np.ndarray) -> tuple[Parameter, np.ndarray]:
    """Return the parameter that a recorded column samples, and the column in its unit.

    Adam's betas were drawn as one minus a log-uniform number, and are searched so. The default is
    the middle of the range: the benchmark hands nobody a good first guess.
    """
    low, high = float(values.min()), float(values.max())
    if low > 0 and high < 1 and (1 - low) / (1 - high) > LOG_SPAN:
        key, values = f"one_minus_{key}", 1 - values
        low, high = float(values.min()), float(values.max())
    is_log = low > 0 and high / low > LOG_SPAN
    middle = float(np.sqrt(low * high)) if is_log else (low + high) / 2
    return Parameter(key, "float", middle, low, high, is_log), values


def _to_unit(parameter: Parameter, value: Any) -> Any:
    low, high = parameter.low, parameter.high
    if parameter.is_log:
        value, low, high = np.log(value), np.log(low), np.log(high)
    return (value - low) / (high - low)


def values_from_unit(space: SearchSpace, unit: np.ndarray) -> dict[str, Any]:
    """Return the values at a point of the unit cube, integers for integer parameters."""
    values: dict[str, Any] = {}
    for (key, p), share in zip(space.parameters.items(), unit, strict=True):
        if not space.is_active(p, values):
            continue
        if p.choices:
            values[key] = p.domain.value_at(float(share))
            continue
        low, high = (np.log(p.low), np.log(p.high)) if p.is_log else (p.low, p.high)
        value = low + share * (high - low)
        value = float(np.clip(np.exp(value) if p.is_log else value, p.low, p.high))
        values[key] = round(value) if p.kind == "int" else value
    return values
