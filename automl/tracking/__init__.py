"""Experiment trackers by name; each module loads its library only when it is asked for."""

from dataclasses import dataclass, field

from automl.experiment.observer import ExperimentObserver
from automl.experiment.paths import ExperimentPaths
from automl.space.space import SearchSpace
from automl.tracking.environment import mlflow_environment
from automl.tracking.mirror import Mirror
from automl.tracking.names import ParameterNames
from automl.tracking.registry import Registry


@dataclass(frozen=True)
class Tracking:
    """What mirrors an experiment, and where its promoted model is registered."""

    observers: tuple[ExperimentObserver, ...] = ()
    registry: Registry = field(default_factory=Registry)


def make_tracking(
    kinds: tuple[str, ...], paths: ExperimentPaths, name: str, space: SearchSpace
) -> Tracking:
    """Return the tracking of some kinds; `name` is that of the skill.

    It names the MLflow experiment, the registered model and the project of Weights & Biases.
    """
    mirrors = {kind: _mirror(kind, paths, name, space) for kind in kinds}
    return Tracking(tuple(mirrors.values()), mirrors.get("mlflow", Registry()))


def _mirror(kind: str, paths: ExperimentPaths, name: str, space: SearchSpace) -> Mirror:
    if kind == "tensorboard":
        from automl.tracking.tensorboard import tensorboard_mirror

        return tensorboard_mirror(paths, ParameterNames(space))
    if kind == "wandb":
        from automl.tracking.wandb import wandb_mirror

        return wandb_mirror(paths, name, ParameterNames(space))
    with mlflow_environment():
        from automl.tracking.mlflow import mlflow_mirror

    return mlflow_mirror(paths, name, ParameterNames(space, is_ranked=True))
