"""Conditions on facts of the data: which parameters of an overlay a data set leaves."""

from collections.abc import Iterator, Mapping

from automl.formats import compact
from automl.schema.conditions import COMPARE, parse_condition
from automl.space.overlay.entry import Entry

Facts = Mapping[str, float]
"""Numbers that a skill's data check reports."""


def ruled_out(entries: Mapping[str, Entry], facts: Facts) -> dict[str, str]:
    """Return the keys of entries that the facts rule out, each with the reason."""
    reasons = {key: "; ".join(_reasons(entry, facts)) for key, entry in entries.items()}
    return {key: reason for key, reason in reasons.items() if reason}


def _reasons(entry: Entry, facts: Facts) -> Iterator[str]:
    for name, text in (entry.only_if or {}).items():
        if name not in facts:
            yield f"only if {name} {text}, which the data check does not report"
        elif not all(
            COMPARE[sign](facts[name], number)
            for sign, number in parse_condition(entry.key, text, None).comparisons
        ):
            yield f"only if {name} {text}, and it is {compact(facts[name])}"
