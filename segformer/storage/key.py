"""The encryption key: a spec only names the environment variable that holds it.

So neither a spec on disk, nor what is made of it - settings, journal, tracking, logs - has the key.
"""

import os
from collections.abc import MutableMapping

PREFIX = "env:"
VARIABLE = "SEGFORMER_ENCRYPTION_KEY"
"""Where a key that is given as such is put, for this process and those that it starts."""


def reference_of(given: str, environ: MutableMapping[str, str] = os.environ) -> str:
    """Return `env:NAME` for a key or for such a reference, and an empty text for none.

    Raises `ValueError` for a variable that is not there; the text holds no key.
    """
    if not given:
        return ""
    if given.startswith(PREFIX):
        name = given.removeprefix(PREFIX)
        if not environ.get(name):
            raise ValueError(f"there is no key in the environment; set {name} there")
        return given
    name, number = VARIABLE, 1
    # Another key of this process keeps its variable.
    while environ.get(name, given) != given:
        number += 1
        name = f"{VARIABLE}_{number}"
    environ[name] = given
    return f"{PREFIX}{name}"


def key_of(reference: str) -> str:
    """Return the key that a reference stands for; an empty text for none."""
    return os.environ[reference.removeprefix(PREFIX)] if reference else ""
