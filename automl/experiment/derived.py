"""Files that describe an experiment beside its journal: one that cannot be read is left out.

Nothing that is decided depends on them; most can be made again from the journal.
"""

import functools
import json
import sys
from pathlib import Path
from typing import Any

from automl.files import read_bytes
from automl.redact import printable


def read_derived(path: Path) -> dict[str, Any]:
    """Return the JSON object in a file; empty if there is none.

    A harmed file counts as none, and is named on stderr the first time.
    """
    fault = fault_of(path)
    if fault:
        _warn(path, fault)
        return {}
    return dict(json.loads(read_bytes(path))) if path.exists() else {}


def fault_of(path: Path) -> str:
    """Return why a file holds no JSON object; empty if it does, or does not exist."""
    try:
        content = json.loads(read_bytes(path))
    except (FileNotFoundError, NotADirectoryError):
        return ""
    except OSError as error:
        return f"cannot be read ({error.strerror})"
    except (ValueError, RecursionError):
        return "is not JSON"
    return "" if isinstance(content, dict) else "is not a JSON object"


@functools.cache
def _warn(path: Path, fault: str) -> None:
    print(printable(f"warning: {path} {fault}, and is left out"), file=sys.stderr, flush=True)
