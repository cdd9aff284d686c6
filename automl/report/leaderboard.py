"""The results as files: leaderboard.csv and best.json."""

from typing import TYPE_CHECKING, Any

from automl.experiment.experiment import Experiment
from automl.files import write_atomic, write_json

if TYPE_CHECKING:
    import pandas as pd


def leaderboard(experiment: Experiment) -> "pd.DataFrame":
    """Return all trials, best first, one row each: value, epochs, state, seconds, values."""
    # `automl status` prints no data frame, and pandas takes .4 s to import.
    import pandas as pd

    objective = experiment.settings.objective
    state = experiment.state
    rows = [
        {
            "trial": trial.number,
            objective.metric: experiment.value_of(trial),
            "epoch": experiment.epoch_of(trial),
            "epochs": trial.epoch,
            "state": experiment.shown_state(trial, state),
            "seconds": round(trial.seconds, 1),
            **trial.values,
        }
        for trial in experiment.ranking()
    ]
    return pd.DataFrame(rows)


def write_results(experiment: Experiment) -> None:
    """Write leaderboard.csv and best.json."""
    write_atomic(experiment.paths.leaderboard, leaderboard(experiment).to_csv(index=False))
    content = best_content(experiment)
    if content is not None:
        write_json(experiment.paths.best, content)


def best_content(experiment: Experiment) -> dict[str, Any] | None:
    """Return what best.json holds; None if no trial has a value."""
    best = experiment.best
    if best is None:
        return None
    return {
        "trial": best.number,
        "metric": experiment.settings.objective.metric,
        "value": experiment.value_of(best),
        "epoch": experiment.epoch_of(best),
        "values": best.values,
        "folder": str(experiment.paths.trial(best.number).relative_to(experiment.paths.root)),
    }
