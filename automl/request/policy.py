"""Decides the policy of a run, auto or off, from its flag, setting and text and from its file."""

from dataclasses import dataclass

from automl.errors import UsageError, disagreement, not_one_of
from automl.request.options import Options
from automl.request.phrases import read_request, says_off

POLICIES = ("auto", "off")
SETTINGS = ("automl_policy", "automl_enabled")
"""TAO's settings that state the policy, among those of the spec."""
ALIASES = {"on": "auto", "true": "auto", "false": "off"}


@dataclass(frozen=True)
class PolicyDecision:
    """The policy of a run, and how its request in words was understood."""

    policy: str
    """auto or off."""
    note: str | None = None
    """One line for people; None without a request that names AutoML or turns it off."""


def decided_policy(run: Options, file: Options) -> PolicyDecision:
    """Return the policy of a run: its own options come before its experiment file's.

    Raises `UsageError` for options of the same source that disagree.
    """
    text = run.get("request") or file.get("request")
    note = read_request(text).note() if text else None
    return PolicyDecision(stated_policy(run) or stated_policy(file) or "auto", note)


def stated_policy(options: Options) -> str | None:
    """Return the policy that options state by --policy, --request or `SETTINGS`, or None.

    Raises `UsageError` if they disagree.
    """
    text = options.get("request")
    sources = {
        "--policy": options.get("policy"),
        **{name: options.get("spec", {}).get(name) for name in SETTINGS},
        f"--request {text!r}": "off" if text and says_off(text) else None,
    }
    stated = {
        source: parse_policy(word, source) for source, word in sources.items() if word is not None
    }
    if len(set(stated.values())) > 1:
        raise UsageError(disagreement(*(f"{source} ({word})" for source, word in stated.items())))
    return next(iter(stated.values()), None)


def parse_policy(word: object, source: str = "automl_policy") -> str:
    """Return ``auto`` or ``off``; raises `UsageError` with the nearest name.

    YAML reads a bare ``on`` and ``off`` as booleans, which mean the same here.
    """
    text = str(word).lower()
    policy = ALIASES.get(text, text)
    if policy not in POLICIES:
        raise UsageError(
            not_one_of(source, word, POLICIES, aliases=ALIASES, more=", or on for auto")
        )
    return policy
