"""Takes credentials out of texts that are kept or shown: of addresses, and of the environment."""

import os
import re

MASK = "***"

# A secret may hold slashes and at-signs: all up to the last one goes.
_USER = re.compile(r"(\b[a-z][a-z0-9+.-]*://)[^\s'\"<>]*@", re.IGNORECASE)
_QUERY = re.compile(r"(\b[a-z][a-z0-9+.-]*://[^\s'\"<>?#]*)\?[^\s'\"<>#]*", re.IGNORECASE)
_SECRET_NAME = re.compile(r"SECRET|TOKEN|PASSWORD|PASSWD|ACCESS_KEY|API_KEY|CREDENTIAL")
_SHORTEST = 8
"""Shorter values of such variables are words that may stand in any text."""


def redacted(text: str) -> str:
    """Return a text without user, password and query of its addresses, and without secrets.

    Secrets are the values of environment variables whose names say so, as AWS_SECRET_ACCESS_KEY.
    """
    for name, value in os.environ.items():
        if len(value) >= _SHORTEST and _SECRET_NAME.search(name.upper()) and value in text:
            text = text.replace(value, MASK)
    return _QUERY.sub(rf"\1?{MASK}", _USER.sub(rf"\1{MASK}@", text))
