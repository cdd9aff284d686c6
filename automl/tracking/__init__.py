"""Trackers by name; each module loads its library only when it is asked for."""

from automl.experiment.observer import ExperimentObserver, Tracker
from automl.experiment.paths import ExperimentPaths
from automl.trial.objective import Objective


def make_tracker(kind: str, paths: ExperimentPaths, name: str, objective: Objective) -> Tracker:
    """Return the tracker of a kind; `name` is the MLflow experiment and registered model."""
    if kind == "none":
        return ExperimentObserver()
    from automl.tracking.mlflow import MlflowTracker

    return MlflowTracker(paths, name, objective)
