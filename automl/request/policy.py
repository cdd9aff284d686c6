"""Decides whether a train request goes to the search or straight to a plain training."""

from automl.errors import UsageError, nearest
from automl.request.phrases import says_off

POLICIES = ("auto", "off")
ALIASES = {"on": "auto", "true": "auto", "false": "off"}


def parse_policy(word: object, source: str = "automl_policy") -> str:
    """Return ``auto`` or ``off``; raises `UsageError` with the nearest name.

    YAML reads a bare ``on`` and ``off`` as booleans, which stand for themselves here.
    """
    text = str(word).lower()
    policy = ALIASES.get(text, text)
    if policy not in POLICIES:
        raise UsageError(
            f"{source}: {word!r} is not one of {', '.join(POLICIES)}, or on for auto"
            f"{nearest(policy, (*POLICIES, *ALIASES))}"
        )
    return policy


def choose_policy(
    *,
    flag: object = None,
    setting: object = None,
    text: str | None = None,
    file: object = None,
) -> str:
    """Return the policy of a run; auto where nothing is said.

    Args:
        flag: What --policy says.
        setting: What automl_policy=... says.
        text: The request in words, of --request.
        file: What the experiment file says; the other three are for this run and come first.

    Raises `UsageError` where two of the first three disagree.
    """
    words = "off" if text and says_off(text) else None
    given = {"--policy": flag, "automl_policy": setting, f"--request {text!r}": words}
    said = {source: parse_policy(w, source) for source, w in given.items() if w is not None}
    if len(set(said.values())) > 1:
        told = " and ".join(f"{source} ({policy})" for source, policy in said.items())
        raise UsageError(f"{told} disagree; give one of them")
    if said:
        return next(iter(said.values()))
    return "auto" if file is None else parse_policy(file)
