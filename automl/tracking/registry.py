"""Registering promoted models, and the alias that a new one gets.

The champion has to be beaten on the same data, by more than chance.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path

from automl.errors import UsageError
from automl.experiment.experiment import Experiment
from automl.formats import score
from automl.skill.base import Comparison
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
        self, experiment: Experiment, model: Path, *, bar: str = "", counts: Path | None = None
    ) -> RegisteredModel | None:
        """Register a promoted ONNX model; None if the registry did not take it.

        `bar` is the reason why it may not become champion, if there is one. `counts` is the file by
        which its evaluation can be compared with another's; see `ComparingSkill`.
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
    skill: str = ""
    image_counts: str = ""
    """Artifact of the version's run by which its evaluation can be compared; empty: none."""

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


Compare = Callable[[], Comparison | None]
"""Compares the champion with a new model; None of a skill that cannot; raises `UsageError`."""


def alias_of(
    new: Standing,
    champion: Standing | None,
    *,
    version: str = "",
    is_same: bool = False,
    bar: str = "",
    compare: Compare = lambda: None,
) -> tuple[str, str]:
    """Return the alias of a new model and why, with the figures.

    It becomes champion if there is none, if the champion is an earlier promotion of the same
    trial, or if it beats the champion (see `verdict`). Otherwise it is a challenger. A `bar` is the
    reason why it is a challenger in any case. `version` is the champion's; `is_same` if the model
    is the champion itself, promoted again.
    """
    if bar:
        return CHALLENGER, bar
    if champion is None:
        return CHAMPION, "the first"
    if is_same:
        return CHAMPION, "champion already: the same model"
    if new.same_trial(champion):
        return CHAMPION, f"replaces version {version}, the same trial"
    is_better, why = verdict(new, champion, compare)
    if is_better:
        return CHAMPION, f"beats version {version}: {why}"
    by_hand = "; if this one is better, choose it: automl models promote VERSION"
    advice = by_hand if is_better is None else ""
    return CHALLENGER, f"version {version} stays champion: {why}{advice}"


def verdict(new: Standing, old: Standing, compare: Compare) -> tuple[bool | None, str]:
    """Return whether a model is better than another, None if it cannot be told, and why.

    It is if the whole interval of the difference is on its side: same data, same metric, bootstrap
    over the images. The values alone decide only for a skill that cannot compare.
    """
    if not new.data_fingerprint or new.data_fingerprint != old.data_fingerprint:
        return None, (
            f"it was measured on other data ({_short(old.data_fingerprint)}, this one on "
            f"{_short(new.data_fingerprint)})"
        )
    if (new.metric, new.mode) != (old.metric, old.mode):
        return None, (
            f"it was chosen for {old.metric} ({old.mode}), this one for {new.metric} ({new.mode})"
        )
    before, after = _number(old.value), _number(new.value)
    figures = f"{new.metric} {after:.6f} against {before:.6f} on the same data"
    try:
        found = compare()
    except UsageError as error:
        return None, f"{figures}, but chance cannot be ruled out: {error}"
    objective = Objective(new.metric, new.mode)
    if found is None:
        is_better = math.isfinite(after) and objective.is_better(after, before)
        return is_better, f"{figures}; by the values alone, as the skill compares no images"
    return _by_interval(found, objective, figures)


def _by_interval(found: Comparison, objective: Objective, figures: str) -> tuple[bool | None, str]:
    if math.isinf(found.low) and math.isinf(found.high):
        return None, f"{figures}, but chance cannot be ruled out with {found.images} images"
    bounds = f"[{score(found.low, is_signed=True)}, {score(found.high, is_signed=True)}]"
    text = f"{figures}, difference within {bounds} (90 %, {found.images} images)"
    if found.low > 0 if objective.mode == "max" else found.high < 0:
        return True, text
    is_worse = found.high < 0 if objective.mode == "max" else found.low > 0
    return False, text + ("" if is_worse else ": may be chance")


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan


def _short(fingerprint: str) -> str:
    return fingerprint[:12] or "unknown"
