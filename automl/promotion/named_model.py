"""The model that a command names: a file, or the promoted model of an experiment."""

from pathlib import Path

from automl.errors import Fault, UsageError
from automl.experiment.experiment import Experiment
from automl.experiment.paths import ExperimentPaths, experiment_folder
from automl.skill.installed import skill_of_model

_NEITHER = "neither a model file nor an experiment folder"
_SUFFIXES = (".onnx", ".safetensors", ".ckpt", ".pth", ".engine")
_PLACES = ("*", "checkpoints/*", "*/checkpoints/*")
"""Where a folder of a training, an export or a trial has its models."""
_SHOWN = 4


def named_model(name: str | Path, skill: str | None = None) -> tuple[str, Path]:
    """Return the skill and the file of a model; `skill` goes before the one that is found.

    An experiment, and its folder promoted/, stand for its promoted model. Raises `UsageError` if
    there is none.
    """
    path = Path(name).expanduser()
    if path.is_file():
        return skill or skill_of_model(path), path
    if str(name).startswith(("models:/", "runs:/")):
        text = "is an address in MLflow, which mlflow.pyfunc.load_model loads"
        raise _fault(name, f"{text}; give the experiment or a model file")
    paths = ExperimentPaths(path.resolve().parent)
    if path.is_dir() and path.resolve() == paths.promoted and paths.settings.is_file():
        name = paths.root
    elif path.is_dir() and not ExperimentPaths(path).settings.is_file() and (held := _models(path)):
        raise _fault(name, f"is a folder; give a model in it: {', '.join(held)}")
    experiment = Experiment.load(experiment_folder(name, otherwise=_NEITHER, key="model"))
    return skill or experiment.settings.skill, experiment.promoted_model


def _models(folder: Path) -> list[str]:
    """Return the first models in a folder, by their paths in it."""
    found = sorted(
        str(file.relative_to(folder))
        for place in _PLACES
        for file in folder.glob(place)
        if file.suffix in _SUFFIXES
    )
    return found[:_SHOWN]


def _fault(name: str | Path, text: str) -> UsageError:
    return UsageError(Fault(f"{name}: {text}", key="model", value=str(name)))
