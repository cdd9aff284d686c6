"""YAML files that users write, read with their faults told in one line."""

from pathlib import Path
from typing import Any

import yaml

from automl.errors import UsageError


def read_yaml(path: Path) -> Any:
    """Return a file's content; raises `UsageError` where it cannot be read or is not YAML."""
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        cause = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
        raise UsageError(f"{path}: cannot be read ({cause})") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        place = f"line {mark.line + 1}" if mark else " ".join(str(error).split())
        raise UsageError(f"{path}: is not YAML ({place})") from error
