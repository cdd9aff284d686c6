"""Has a language model reword what a request leaves unread; its words pass the same parser.

Any server with the chat completions of OpenAI's API will do. It is asked only where a person names
its address, gets only the clauses that were not understood, and decides nothing: a rewording counts
if it reads as an option, and the note on the request shows it.
"""

import http.client
import json
import os
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import SplitResult, urlsplit, urlunsplit

from automl.errors import UsageError, not_allowed
from automl.redact import redacted, without_user
from automl.request.wishes import Wishes, read_wishes
from automl.skill.info import SkillInfo

FLAG = "--request-model"
KEY = "AUTOML_REQUEST_KEY"
"""The environment variable with the server's key, if it wants one."""
TIMEOUT_S = 30.0
FORMS = (
    "under 20 ms", "under 4 GB of memory", "under 10 million parameters", "under 5 gflops",
    "mIoU of at least 0.6", "500 epochs in total", "50 epochs", "20 trials", "two hours",
    "do not touch the augmentation",
)  # fmt: skip
"""Examples of what the parser reads, as the model gets them."""
_TASK = (
    "You reword requests about training a segmentation model. Answer with one JSON object that "
    "maps each line of the user to the same wish in one of these forms, with the user's own "
    "numbers and names, or to an empty text if no form says the same. Invent nothing. The forms: "
)
_LONGEST_ANSWER = 100_000


def with_rewordings(wishes: Wishes, address: str, info: SkillInfo) -> Wishes:
    """Return wishes with the options of clauses that a model's rewording makes clear.

    What the person's own words say stays. Raises `UsageError` if the server cannot be asked.
    """
    parts = _parts(address)
    if not wishes.not_understood:
        return wishes
    answers = _asked(wishes.not_understood, address, parts)
    options, unread, reworded = dict(wishes.options), [], []
    for clause in wishes.not_understood:
        words = answers.get(clause, "")
        read = read_wishes(words, info) if isinstance(words, str) else Wishes()
        if not read.options or read.not_understood or not _fits(read.options, options):
            unread.append(clause)
            continue
        reworded.append((clause, words))
        for name, value in read.options.items():
            has_several = isinstance(value, tuple)
            options[name] = (*options.get(name, ()), *value) if has_several else value
    return replace(wishes, options=options, not_understood=tuple(unread), reworded=tuple(reworded))


def _fits(new: Mapping[str, Any], said: Mapping[str, Any]) -> bool:
    """Whether options contradict nothing that was said; limits add up."""
    return all(isinstance(value, tuple) or name not in said for name, value in new.items())


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Follows no redirect: it would take the key to another server."""

    def redirect_request(self, *_: Any) -> None:
        """Make no request; the answer is then an error."""


def _parts(address: str) -> SplitResult:
    """Return the parts of the server's address; raises `UsageError` for one that is none."""
    try:
        parts = urlsplit(address)
        is_good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # Such as a bracket without its partner, or a port above 65535.
        is_good = False
    if not is_good:
        raise UsageError(not_allowed(FLAG, without_user(address), "http://HOST:PORT/v1#MODEL"))
    return parts


def _asked(clauses: Sequence[str], address: str, parts: SplitResult) -> Mapping[str, Any]:
    """Return the model's rewordings by clause."""
    url = urlunsplit(
        (parts.scheme, parts.netloc, f"{parts.path.rstrip('/')}/chat/completions", "", "")
    )
    body = {
        "model": parts.fragment or "default",
        "temperature": 0,
        "messages": [
            {"role": "system", "content": _TASK + "; ".join(FORMS)},
            {"role": "user", "content": "\n".join(clauses)},
        ],
    }
    headers = {"Content-Type": "application/json"}
    if key := os.environ.get(KEY):
        headers["Authorization"] = f"Bearer {key}"
    request = urllib.request.Request(url, json.dumps(body).encode(), headers)  # noqa: S310
    shown = without_user(address)
    try:
        opener = urllib.request.build_opener(_NoRedirect)
        with opener.open(request, timeout=TIMEOUT_S) as response:
            answer = json.loads(response.read(_LONGEST_ANSWER))
    except (OSError, ValueError, http.client.HTTPException) as error:
        if isinstance(error, urllib.error.HTTPError):
            error.close()
        reason = " ".join(redacted(str(error)).split())
        raise UsageError(
            f"{FLAG}: {shown} does not answer ({reason}); leave the flag out, or say "
            "the limits by their flags"
        ) from error
    return _rewordings(answer, shown)


def _rewordings(answer: Any, shown: str) -> Mapping[str, Any]:
    """Return the JSON object in an answer; models like to put it between fences."""
    try:
        text = str(answer["choices"][0]["message"]["content"])
        found = json.loads(text[text.index("{") : text.rindex("}") + 1])
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise UsageError(
            f"{FLAG}: {shown} answered something else than a JSON object of rewordings; leave the "
            "flag out, or say the limits by their flags"
        ) from error
    return dict(found)
