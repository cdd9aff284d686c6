"""The encryption key: a spec only names the environment variable that holds it.

The key itself is therefore never written to a spec, the settings, the journal, the tracker or a
log. Child processes find it in the environment that they inherit.
"""

import os
from collections.abc import Mapping, MutableMapping

PREFIX = "env:"
VARIABLE = "SEGFORMER_ENCRYPTION_KEY"
"""The variable for a key that the user gave as such, in this process and its children."""


def check_reference(reference: str, environ: Mapping[str, str] = os.environ) -> None:
    """Raise `ValueError` unless a text is empty, or is `env:NAME` and NAME holds a key."""
    if not reference:
        return
    if not reference.startswith(PREFIX):
        raise ValueError("a spec holds no key, only env:NAME, the variable that holds it")
    name = reference.removeprefix(PREFIX)
    if not environ.get(name):
        raise ValueError(f"there is no key in the environment; set {name} there")


def reference_from_key(key: str, environ: MutableMapping[str, str] = os.environ) -> str:
    """Put a key into the environment and return `env:NAME`; a reference is returned as it is.

    Call it where a user's settings enter the program, before child processes start.
    """
    if not key or key.startswith(PREFIX):
        return key
    name, number = VARIABLE, 1
    # A variable that holds another key is left alone.
    while environ.get(name, key) != key:
        number += 1
        name = f"{VARIABLE}_{number}"
    environ[name] = key
    return f"{PREFIX}{name}"


def key_from_reference(reference: str, environ: Mapping[str, str] = os.environ) -> str:
    """Return the key behind a reference; a key, or an empty text for none, is returned as it is.

    Raises `ValueError` for a variable that does not exist.
    """
    if not reference.startswith(PREFIX):
        return reference
    check_reference(reference, environ)
    return environ[reference.removeprefix(PREFIX)]
