"""A promotion's request, and the gates that each of its models must pass."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Any

from automl.errors import Fault, UsageError, not_allowed, not_one_of
from automl.skill.info import SkillInfo
from automl.trial.objective import Objective

TOLERANCE = 0.001
"""The most by which the objective of the ONNX model may differ from the checkpoint's."""
CONVERSIONS = {"int8": "quantize", "engine": "gen_trt_engine"}
"""What a promoted ONNX model can be converted to, and the action that converts it."""
PACKAGES = ("triton",)
"""What promoted models can be packaged as, for programs of others."""
EXPORTS = ("deepstream",)
"""Programs for which a checkpoint is exported once more, by settings of skill_info.yaml."""
TARGETS = ("onnx", *CONVERSIONS, *PACKAGES, *EXPORTS)
"""All that a promotion can make."""
MAX_DROP = 0.005
"""The most by which the objective of a converted model may be worse than the checkpoint's."""
MAX_LOGIT_DIFFERENCE = 0.001
"""The most by which an output of the ONNX model may differ from the checkpoint's."""
LATENCY = ("latency_p50_ms", "latency_p95_ms", "images_per_s", "memory_mb",
           "latency_batch", "latency_threads", "latency_runs", "latency_load",
           "best_batch_size", "best_batch_p50_ms", "best_batch_p95_ms",
           "best_batch_images_per_s")  # fmt: skip
"""Metrics of speed that a skill's evaluate may report; the gate checks the first."""


def check_conversions(to: Iterable[str], info: SkillInfo) -> None:
    """Raise `UsageError` for models and packages that a skill cannot make."""
    faults = [
        Fault(
            f"--to: {name}: {info.name} has no action {CONVERSIONS[name]}", key="--to", value=name
        )
        for name in to
        if name in CONVERSIONS and CONVERSIONS[name] not in info.spec_params
    ]
    able = {*info.packages, *info.promotion}
    faults += [
        Fault(f"--to: {name}: {info.name} makes no such package", key="--to", value=name)
        for name in to
        if name in (*PACKAGES, *EXPORTS) and name not in able
    ]
    if faults:
        raise UsageError(*faults)


def check_refinements(info: SkillInfo) -> None:
    """Raise `UsageError` if a skill cannot refine checkpoints."""
    if not info.refinements:
        raise UsageError(f"--refine: {info.name} names no refinements in its skill_info.yaml")


def check_qat(info: SkillInfo) -> None:
    """Raise `UsageError` if a skill has no quantization-aware fine-tuning."""
    if "qat" not in info.promotion:
        raise UsageError(f"--qat: {info.name} has no quantization-aware fine-tuning")


class GateError(Exception):
    """A gate rejected a model; the text has the figures."""


@dataclass(frozen=True)
class PromotionRequest:
    """What to promote: which trial (None: the best), converted to what."""

    trial: int | None = None
    to: tuple[str, ...] | None = None
    """None: what the last promotion made, or else what the run asked for."""
    max_drop: float = MAX_DROP
    max_logit_difference: float | None = None
    """None: MAX_LOGIT_DIFFERENCE, if the skill's export reports the difference."""
    max_latency_ms: float | None = None
    """Limit of the median; None: no limit."""
    min_objective: float | None = None
    """The objective that a champion needs; a worse model is promoted, but not made champion."""
    refine: bool = False
    """Whether the checkpoint is refined first, without training."""
    qat: int = 0
    """Epochs of quantization-aware fine-tuning of the int8 model."""

    def __post_init__(self) -> None:
        faults = [not_one_of("--to", name, TARGETS) for name in self.targets if name not in TARGETS]
        if self.to is not None and not self.to:
            faults.append(not_allowed("--to", [], "one model or more"))
        if not 0 <= self.max_drop <= 1:
            faults.append(not_allowed("--max-drop", self.max_drop, "in [0, 1]"))
        for flag, value in (
            ("--max-logit-difference", self.max_logit_difference),
            ("--max-latency-ms", self.max_latency_ms),
        ):
            if value is not None and not 0 < value < float("inf"):
                faults.append(not_allowed(flag, value, "over 0"))
        if self.min_objective is not None and not isfinite(self.min_objective):
            faults.append(not_allowed("--min-objective", self.min_objective, "a finite number"))
        if self.qat < 0:
            faults.append(not_allowed("--qat", self.qat, "0 or more epochs"))
        if self.qat > 0 and self.to is not None and "int8" not in self.to:
            made = ",".join(self.to)
            text = f"--qat: fine-tunes the int8 model, but only {made} is to be made"
            faults.append(Fault(f"{text}; give --to {made},int8", key="--qat", value=self.qat))
        if faults:
            raise UsageError(*faults)

    @property
    def targets(self) -> tuple[str, ...]:
        """The models to make."""
        return ("onnx",) if self.to is None else self.to

    def bar(self, objective: Objective, value: float) -> str:
        """Return why a model of this objective may not become champion; empty if it may."""
        limit = self.min_objective
        if limit is None or value == limit or objective.is_better(value, limit):
            return ""
        worse = "below" if objective.mode == "max" else "above"
        return f"{objective.metric} {value:.6f} is {worse} --min-objective {limit:g}"

    def check_logits(self, difference: float | None) -> None:
        """Raise `GateError` if the ONNX model's outputs are too far from the checkpoint's."""
        allowed = self.max_logit_difference
        if difference is None:
            if allowed is not None:
                raise GateError(
                    "the skill's export does not report max_logit_difference, so "
                    "--max-logit-difference cannot be checked; leave it out"
                )
            return
        allowed = MAX_LOGIT_DIFFERENCE if allowed is None else allowed
        # Negated, so that NaN is rejected too.
        if not difference <= allowed:
            raise GateError(
                f"an output of the ONNX model differs by {difference:.3g} from the checkpoint's; "
                f"--max-logit-difference allows {allowed:g}"
            )

    def check_parity(self, parity: Mapping[str, Any]) -> None:
        """Raise `GateError` if the ONNX model is not the one whose value was recorded."""
        if not parity["is_equal"]:
            raise GateError(
                f"{parity['metric']} is {parity['recorded']} as recorded, {parity['checkpoint']} "
                f"for the checkpoint and {parity['onnx']} for the ONNX model; they may differ by "
                f"{parity['tolerance']}"
            )

    def check_drop(self, name: str, parity: Mapping[str, Any]) -> None:
        """Raise `GateError` if a converted model is too much worse than the checkpoint."""
        drop = parity[name].get("drop")
        if drop is not None and not drop <= self.max_drop:
            raise GateError(
                f"{parity['metric']} is {parity['checkpoint']:.6f} for the checkpoint and "
                f"{parity[name]['value']:.6f} for {name}, worse by {drop:.6f}; --max-drop allows "
                f"{self.max_drop:g}"
            )

    def check_latency(self, name: str, metrics: Mapping[str, float]) -> None:
        """Raise `GateError` if a model is too slow, or its speed is not reported."""
        if self.max_latency_ms is None:
            return
        if LATENCY[0] not in metrics:
            raise GateError(
                f"the skill's evaluate does not report {LATENCY[0]}, so --max-latency-ms cannot be "
                "checked; leave it out"
            )
        if not metrics[LATENCY[0]] <= self.max_latency_ms:
            raise GateError(
                f"the {name} model takes {metrics[LATENCY[0]]:.2f} ms (median); --max-latency-ms "
                f"allows {self.max_latency_ms:g}"
            )


def latency_of(metrics: Mapping[str, float]) -> dict[str, float]:
    """Return the metrics of speed that an evaluation reported; empty if it reported none."""
    return {name: metrics[name] for name in LATENCY if name in metrics}
