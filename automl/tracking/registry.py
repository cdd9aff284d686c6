"""Which alias a newly registered model gets: the champion has to be beaten on the same data."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields

from automl.trial.objective import Objective

CHAMPION, CHALLENGER = "champion", "challenger"
_PREFIX = "automl."


@dataclass(frozen=True)
class Standing:
    """What the registry keeps of a model, as tags of its version."""

    metric: str
    mode: str
    value: str
    """Of the registered file itself, measured again; the shortest text that reads as it."""
    data_fingerprint: str
    """Of the images and masks and the splits they are in; empty where the skill tells none."""
    experiment: str
    trial: str

    def to_tags(self) -> dict[str, str]:
        """Return the tags, names prefixed."""
        return {f"{_PREFIX}{field.name}": getattr(self, field.name) for field in fields(self)}

    @classmethod
    def from_tags(cls, tags: Mapping[str, str]) -> "Standing":
        """Return what tags say; what they do not say is empty."""
        names = [field.name for field in fields(cls)]
        return cls(**{name: str(tags.get(_PREFIX + name, "")) for name in names})

    def same_trial(self, other: "Standing") -> bool:
        """Whether both are promotions of one trial."""
        return (self.experiment, self.trial) == (other.experiment, other.trial)


def alias_of(new: Standing, champion: Standing | None, *, version: str = "") -> tuple[str, str]:
    """Return the alias of a new model and why, with the figures.

    It is champion where there is none, where the champion is an earlier promotion of the same
    trial, or where it beats the champion in the same metric on the same data. Else it is
    challenger: a tie is no win, and values on other data cannot be compared.
    """
    if champion is None:
        return CHAMPION, "the first"
    if new.same_trial(champion):
        return CHAMPION, f"takes the place of version {version}, the same trial"
    known = f"version {version} stays champion"
    if not new.data_fingerprint or new.data_fingerprint != champion.data_fingerprint:
        return CHALLENGER, (
            f"{known}: it was measured on other data ({_short(champion.data_fingerprint)}, this "
            f"one on {_short(new.data_fingerprint)}); measure both on the same, and move the alias "
            "if this one is better"
        )
    if (new.metric, new.mode) != (champion.metric, champion.mode):
        return CHALLENGER, (
            f"{known}: it was chosen for {champion.metric} ({champion.mode}), this one for "
            f"{new.metric} ({new.mode})"
        )
    old, value = _number(champion.value), _number(new.value)
    told = f"{new.metric} {value:.6f} against {old:.6f} on the same data"
    objective = Objective(new.metric, new.mode)
    if math.isfinite(value) and objective.is_better(value, old):
        return CHAMPION, f"beats version {version}: {told}"
    return CHALLENGER, f"{known}: {told}"


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan


def _short(fingerprint: str) -> str:
    return fingerprint[:12] or "nobody knows which"
