"""A skill's trials on other data sets, from the file that its `transfer` names."""

import json
import math
from dataclasses import dataclass
from pathlib import Path

from automl.errors import UsageError
from automl.files import read_text
from automl.trial.objective import Objective
from automl.trial.trial import TransferTrial


@dataclass(frozen=True)
class TransferTable:
    """Configurations, each with a loss on every data set, and the objective behind the losses."""

    objective: Objective
    trials: tuple[TransferTrial, ...]

    @classmethod
    def read(cls, path: Path) -> "TransferTable":
        """Read a file; raises `UsageError` if it is no such table."""
        text = read_text(path)
        try:
            content = json.loads(text)
            objective = Objective(content["metric"], content["mode"])
            trials = tuple(
                TransferTrial(
                    dict(row["values"]), tuple(_loss(objective, score) for score in row["scores"])
                )
                for row in content["trials"]
            )
        except UsageError as error:
            raise UsageError(*(f"{path}: {fault}" for fault in error.faults)) from error
        except (ValueError, KeyError, TypeError) as error:
            raise UsageError(
                f"{path}: is no table of trials on other data sets ({error})"
            ) from error
        if len({len(trial.losses) for trial in trials}) != 1:
            raise UsageError(
                f"{path}: must have trials with as many scores each, one for a data set"
            )
        return cls(objective, trials)

    @property
    def keys(self) -> frozenset[str]:
        """All parameters of the configurations."""
        return frozenset(key for trial in self.trials for key in trial.values)


def _loss(objective: Objective, score: float | None) -> float:
    """Return what is low for a good score; infinite for null, a training that diverged."""
    return math.inf if score is None else objective.loss(float(score))
