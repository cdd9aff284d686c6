"""What people get wrong in JSON that they write by hand."""

import json


def way_out_of_json(error: Exception) -> str:
    """Return what is likely wrong with a text that is no JSON, "" where nothing is known."""
    if not isinstance(error, json.JSONDecodeError):
        return ""
    before, rest = error.doc[: error.pos].rstrip(), error.doc[error.pos :].lstrip()
    if before.endswith(",") and rest[:1] in ("]", "}"):
        return f"; a comma before {rest[0]} is one too many"
    if rest[:1] == "'" or before.endswith("'"):
        return "; texts stand in double quotes"
    return "; JSON has no comments" if rest.startswith(("//", "#", "/*")) else ""
