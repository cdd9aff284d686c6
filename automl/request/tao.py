"""Settings of TAO's AutoML among those of the spec: brought to one form before options are read."""

import json
from collections.abc import Callable, Collection
from typing import Any

from automl.errors import UsageError, not_allowed
from automl.request.options import Options
from automl.search.options import PREFIX, is_plain_name

_GROUP = "automl_settings"
_ADDED, _REMOVED = "automl_add_hyperparameters", "automl_remove_hyperparameters"


def with_tao_settings(options: Options, spec_keys: Callable[[], Collection[str]]) -> Options:
    """Return options in which all of TAO's settings begin with `automl_`.

    Those in a group `automl_settings`, and those that have the name without `automl_`, are among
    the settings of the spec; a key of the skill's own spec is none. Parameters to add or remove
    become --search and --keep.

    Args:
        options: The options of a command, a file or a call.
        spec_keys: Returns the keys of the skill's spec; called if a name may be one of them.

    Raises `UsageError` for a list of parameters that is not understood.
    """
    spec: dict[str, Any] = {}
    for key, value in options.get("spec", {}).items():
        name = key.removeprefix(f"{_GROUP}.")
        inner = value if name == _GROUP and isinstance(value, dict) else {name: value}
        for setting, content in inner.items():
            is_tao = name != key or inner is value
            first = setting.partition(".")[0]
            if is_plain_name(first) and (is_tao or first not in spec_keys()):
                setting = PREFIX + setting
            spec[setting] = content
    if not spec:
        return options
    united = {**options, "spec": spec}
    if added := _names(spec, _ADDED):
        united["search"] = {**dict.fromkeys(added, "auto"), **options.get("search", {})}
    if removed := _names(spec, _REMOVED):
        united["keep"] = (*options.get("keep", ()), *removed)
    return united


def _names(spec: dict[str, Any], setting: str) -> list[str]:
    """Take a list of parameters out of the settings: a list, JSON text, or joined by commas."""
    given = spec.pop(setting, None)
    names = [] if given is None else given
    if isinstance(given, str):
        is_json = given.lstrip().startswith("[")
        try:
            names = json.loads(given) if is_json else [name.strip() for name in given.split(",")]
        except ValueError:
            names = given
    if not (isinstance(names, list) and all(isinstance(name, str) and name for name in names)):
        raise UsageError(not_allowed(setting, given, "a list of keys of the spec"))
    return names
