"""Which key of an action takes a model."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from automl.errors import UsageError
from automl.jobs.mappings import Context
from automl.skill.info import SkillInfo


def keys_taking(info: SkillInfo, action: str, model: Path) -> list[str]:
    """Return the keys of an action that take a model like this; raises `UsageError` for none."""
    names = [k for k, name in info.spec_params.get(action, {}).items() if name == "parent_model"]
    taking = _Keys(info, action, names).taking(model)
    if not taking:
        raise UsageError(f"{action}: takes no {model.suffix} file ({model})")
    return taking


@dataclass(frozen=True)
class _Keys:
    """The keys of an action that one function fills."""

    info: SkillInfo
    action: str
    names: list[str]

    def all(self, value: Any) -> dict[str, Any]:
        return dict.fromkeys(self.names, value)

    def open(self, context: Context) -> list[str]:
        """Return the keys for which nothing is given."""
        return [key for key in self.names if not context.given.get(key)]

    def taking(self, path: Path) -> list[str]:
        """Return the keys that take a file like this."""
        return [key for key in self.names if path.suffix in self.suffixes(key, path)]

    def suffixes(self, key: str, path: Path) -> list[str]:
        inputs = self.info.actions.get(self.action, {}).get("inputs", {})
        stated = inputs.get(key, {}).get("suffixes")
        if stated is not None:
            return list(stated)
        # A skill that says nothing takes engines where the key says so, and else anything else.
        is_right = (path.suffix == ".engine") == key.endswith("engine")
        return [path.suffix] if is_right else []
