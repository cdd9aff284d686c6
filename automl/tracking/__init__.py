"""Experiment trackers by name; each module loads its library only when it is asked for."""

from dataclasses import dataclass, field

from automl.experiment.observer import ExperimentObserver
from automl.experiment.paths import ExperimentPaths
from automl.tracking.environment import mlflow_environment
from automl.tracking.registry import Registry


@dataclass(frozen=True)
class Tracking:
    """What mirrors an experiment, and where its promoted model is registered."""

    observer: ExperimentObserver = field(default_factory=ExperimentObserver)
    registry: Registry = field(default_factory=Registry)


def make_tracking(kind: str, paths: ExperimentPaths, name: str) -> Tracking:
    """Return the tracking of a kind; `name` is the MLflow experiment and the registered model."""
    if kind == "none":
        return Tracking()
    with mlflow_environment():
        from automl.tracking.mlflow import mlflow_mirror

    mirror = mlflow_mirror(paths, name)
    return Tracking(mirror, mirror)
