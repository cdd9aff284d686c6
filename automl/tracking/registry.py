"""Registering promoted models, and the alias that a new one gets.

The champion has to be beaten on the same data.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path

from automl.experiment.experiment import Experiment
from automl.trial.objective import Objective

CHAMPION, CHALLENGER = "champion", "challenger"
_PREFIX = "automl."
REPLACES = f"{_PREFIX}replaces"
"""Tag of a champion: the version that was champion before, to which a rollback returns."""


@dataclass(frozen=True)
class RegisteredModel:
    """The entry of a model in a registry."""

    name: str
    version: str
    alias: str
    """champion or challenger."""
    why: str
    """Why it has this alias, with the figures."""


class Registry:
    """Where promoted models are registered; this one registers none."""

    def register(
        self, experiment: Experiment, model: Path, *, bar: str = ""
    ) -> RegisteredModel | None:
        """Register a promoted ONNX model; None if the registry did not take it.

        `bar` is the reason why it may not become champion, if there is one.
        """
        return None


@dataclass(frozen=True)
class Standing:
    """What the registry keeps of a model, as tags of its version."""

    metric: str
    mode: str
    value: str
    """Objective of the registered file itself; the shortest text that reads as this number."""
    data_fingerprint: str
    """Of images, masks and splits; empty if the skill reports none."""
    experiment: str
    trial: str

    def to_tags(self) -> dict[str, str]:
        """Return the tags, names prefixed."""
        return {f"{_PREFIX}{field.name}": getattr(self, field.name) for field in fields(self)}

    @classmethod
    def from_tags(cls, tags: Mapping[str, str]) -> "Standing":
        """Return the standing that tags hold; what they lack is empty."""
        names = [field.name for field in fields(cls)]
        return cls(**{name: str(tags.get(_PREFIX + name, "")) for name in names})

    def same_trial(self, other: "Standing") -> bool:
        """Whether both are promotions of one trial."""
        return (self.experiment, self.trial) == (other.experiment, other.trial)


def alias_of(
    new: Standing, champion: Standing | None, *, version: str = "", bar: str = ""
) -> tuple[str, str]:
    """Return the alias of a new model and why, with the figures.

    It becomes champion if there is none, if the champion is an earlier promotion of the same
    trial, or if it beats the champion in the same metric on the same data. Otherwise it is a
    challenger: a tie is no win, and values on other data cannot be compared. A `bar` is the reason
    why it is a challenger in any case.
    """
    if bar:
        return CHALLENGER, bar
    if champion is None:
        return CHAMPION, "the first"
    if new.same_trial(champion):
        return CHAMPION, f"replaces version {version}, the same trial"
    stays = f"version {version} stays champion"
    if not new.data_fingerprint or new.data_fingerprint != champion.data_fingerprint:
        return CHALLENGER, (
            f"{stays}: it was measured on other data ({_short(champion.data_fingerprint)}, this "
            f"one on {_short(new.data_fingerprint)}); measure both on the same, and move the alias "
            "if this one is better"
        )
    if (new.metric, new.mode) != (champion.metric, champion.mode):
        return CHALLENGER, (
            f"{stays}: it was chosen for {champion.metric} ({champion.mode}), this one for "
            f"{new.metric} ({new.mode})"
        )
    old, value = _number(champion.value), _number(new.value)
    figures = f"{new.metric} {value:.6f} against {old:.6f} on the same data"
    objective = Objective(new.metric, new.mode)
    if math.isfinite(value) and objective.is_better(value, old):
        return CHAMPION, f"beats version {version}: {figures}"
    return CHALLENGER, f"{stays}: {figures}"


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan


def _short(fingerprint: str) -> str:
    return fingerprint[:12] or "unknown"
