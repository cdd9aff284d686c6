"""The trials on other data sets that a skill brings, where a new search can learn from them."""

import json
import math
from pathlib import Path

from automl.errors import UsageError
from automl.experiment.settings import Settings
from automl.files import read_text
from automl.search.options import options_of
from automl.skill.info import SkillInfo
from automl.space.space import SearchSpace
from automl.trial.objective import Objective
from automl.trial.trial import TransferTrial

ALGORITHM = "auto"
"""The algorithm that learns from them."""
MIN_SHARED = 0.5
"""Share of a space's parameters that the trials must have."""


def transfer_trials(
    info: SkillInfo, settings: Settings, space: SearchSpace
) -> tuple[TransferTrial, ...]:
    """Return the skill's trials on other data sets; none where a search cannot learn from them.

    They are of use to `auto`, for the objective that they were measured by, and where they have at
    least half of the parameters that are searched. Raises `UsageError` for a file that is no
    table of trials.
    """
    if info.transfer is None or settings.algorithm != ALGORITHM or len(settings.objectives) > 1:
        return ()
    if options_of(ALGORITHM, settings.algorithm_options)["transfer"] == "none":
        return ()
    objective, trials = _table(info.path.parent / info.transfer)
    if (objective.metric, objective.mode) != (settings.objective.metric, settings.objective.mode):
        return ()
    keys = {key for trial in trials for key in trial.values}
    shared = len(keys & set(space.parameters))
    return tuple(trials) if shared >= MIN_SHARED * len(space.parameters) else ()


def _table(path: Path) -> tuple[Objective, list[TransferTrial]]:
    """Return the objective, and the configurations with their scores on each data set."""
    text = read_text(path)
    try:
        content = json.loads(text)
        objective = Objective(content["metric"], content["mode"])
        trials = [
            TransferTrial(
                dict(row["values"]), tuple(_loss(objective, score) for score in row["scores"])
            )
            for row in content["trials"]
        ]
    except UsageError as error:
        raise UsageError(*(f"{path}: {fault}" for fault in error.faults)) from error
    except (ValueError, KeyError, TypeError) as error:
        raise UsageError(f"{path}: is no table of trials on other data sets ({error})") from error
    if len({len(trial.losses) for trial in trials}) != 1:
        raise UsageError(f"{path}: must have trials with as many scores each, one for a data set")
    return objective, trials


def _loss(objective: Objective, score: float | None) -> float:
    """Return what is low for a good score; infinite for null, a training that diverged."""
    return math.inf if score is None else objective.loss(score)
