"""Experiment files: what is said of a run, in YAML, under the names of its flags."""

from pathlib import Path
from typing import Any

from automl.errors import UsageError
from automl.files import read_yaml
from automl.request.options import Options
from automl.request.parsing import parsed_options
from automl.schema.spec import is_exponent

SUFFIXES = (".yaml", ".yml")


def read_experiment_file(path: Path) -> Options:
    """Return what a file says.

    TAO's settings (`automl_...`) may stand at the top, as among the settings of the spec.
    Raises `UsageError` naming every key that is unknown or has a value of the wrong type.
    """
    content = _meant(read_yaml(path))
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise UsageError(f"{path}: is no experiment file: it must map keys to values; "
                         "automl init writes one")  # fmt: skip
    tao = {key: content[key] for key in content if str(key).startswith("automl_")}
    said = parsed_options({k: v for k, v in content.items() if k not in tao}, source=str(path))
    return {**said, "spec": {**said.get("spec", {}), **tao}} if tao else said


def _meant(value: Any) -> Any:
    """Return 1e-4 as the number it is, which YAML 1.1 takes for a text."""
    if isinstance(value, dict):
        return {key: _meant(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_meant(inner) for inner in value]
    return float(value) if isinstance(value, str) and is_exponent(value) else value
