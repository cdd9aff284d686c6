"""The model that a command names: a file, or the promoted model of an experiment."""

from pathlib import Path

from automl.experiment.experiment import Experiment
from automl.experiment.paths import experiment_folder
from automl.skill.installed import skill_of_model

_NEITHER = "neither a model file nor an experiment folder"


def named_model(name: str | Path, skill: str | None = None) -> tuple[str, Path]:
    """Return the skill and the file of a model; `skill` goes before the one that is found.

    Raises `UsageError` if there is none.
    """
    path = Path(name).expanduser()
    if path.is_file():
        return skill or skill_of_model(path), path
    experiment = Experiment.load(experiment_folder(name, otherwise=_NEITHER, key="model"))
    return skill or experiment.settings.skill, experiment.promoted_model
