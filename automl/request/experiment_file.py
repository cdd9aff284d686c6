"""Experiment files: the options of a run in YAML, under the names of its flags."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from automl.errors import UsageError
from automl.files import read_yaml
from automl.request.options import RUN_OPTIONS, Options
from automl.request.parsing import parsed_options
from automl.schema.spec import is_exponent

SUFFIXES = (".yaml", ".yml")


def read_experiment_file(path: Path) -> Options:
    """Return the options of a file.

    TAO's settings (`automl_...`) may stand at the top level or among the settings of the spec. A
    file that is a spec itself, as TAO's are, has the options ``spec``.
    Raises `UsageError` naming every key that is unknown or has a value of the wrong type.
    """
    content = _with_exponents(read_yaml(path))
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise UsageError(f"{path}: is not an experiment file: it must map keys to values; "
                         "automl init writes one")  # fmt: skip
    if _is_spec(content):
        content = {"spec": content}
    tao = {key: content[key] for key in content if str(key).startswith("automl_")}
    own = {key: value for key, value in content.items() if key not in tao}
    options = parsed_options(own, source=str(path))
    return {**options, "spec": {**options.get("spec", {}), **tao}} if tao else options


def _is_spec(content: Mapping[Any, Any]) -> bool:
    """Whether a file is the spec of a training: it has a section train, and no option."""
    return isinstance(content.get("train"), Mapping) and not RUN_OPTIONS.keys() & content.keys()


def _with_exponents(value: Any) -> Any:
    """Return 1e-4 as a number; YAML 1.1 reads it as a text."""
    if isinstance(value, dict):
        return {key: _with_exponents(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_with_exponents(inner) for inner in value]
    return float(value) if isinstance(value, str) and is_exponent(value) else value
