"""Which key of an action takes a model."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from automl.errors import UsageError
from automl.skill.info import SkillInfo


def keys_taking(info: SkillInfo, action: str, model: Path) -> list[str]:
    """Return the keys of an action that take such a model; raises `UsageError` if none does."""
    names = [k for k, name in info.spec_params.get(action, {}).items() if name == "parent_model"]
    keys = ActionKeys(info, action, names)
    if not (taking := keys.taking(model)):
        allowed = dict.fromkeys(suffix for key in names for suffix in keys.suffixes(key, model))
        text = f"{action}: takes no {model.suffix} file ({model})"
        raise UsageError(f"{text}, but {', '.join(allowed)}" if allowed else text)
    return taking


@dataclass(frozen=True)
class ActionKeys:
    """The keys of one action that one inference function fills."""

    info: SkillInfo
    action: str
    names: list[str]

    def all(self, value: Any) -> dict[str, Any]:
        """Return the same value for every key."""
        return dict.fromkeys(self.names, value)

    def open(self, values: Mapping[str, Any]) -> list[str]:
        """Return the keys for which there is no value yet."""
        return [key for key in self.names if not values.get(key)]

    def taking(self, path: Path) -> list[str]:
        """Return the keys that take a file like this."""
        return [key for key in self.names if path.suffix in self.suffixes(key, path)]

    def suffixes(self, key: str, path: Path) -> list[str]:
        """Return the suffixes that a key takes; `path` decides if the skill does not say."""
        inputs = self.info.actions.get(self.action, {}).get("inputs", {})
        stated = inputs.get(key, {}).get("suffixes")
        if stated is not None:
            return list(stated)
        # If the skill is silent, a key that ends in engine takes engines, and others all else.
        is_right = (path.suffix == ".engine") == key.endswith("engine")
        return [path.suffix] if is_right else []
