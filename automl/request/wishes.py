"""Reads limits, budgets and what to keep from a request in words: no language model is needed.

"best model under 20 ms, two hours, do not touch the augmentation" becomes --constraint, --time
and --keep. What is not understood is named.
"""

import re
import shlex
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from automl.request.phrases import read_request
from automl.skill.info import SkillInfo

_NUMBERS = {
    "a": 1, "an": 1, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7,
    "eight": 8, "nine": 9, "ten": 10, "twelve": 12, "twenty": 20, "thirty": 30, "fifty": 50,
    "hundred": 100,
}  # fmt: skip
_N = rf"(?<![\w.])(?P<n>\d+(?:\.\d+)?|half an?|{'|'.join(_NUMBERS)})"
_MOST = (
    r"(?:(?:is|stays?|runs?|be|with|latency|memory|size|of|it|takes?|that|in|a) )*"
    r"(?:under|below|less than|fewer than|at most|up to|no more than|not more than|max(?:imum)?"
    r"|within|<=?) "
)
_CURRENCY = r"(?:[$€£]|dollars?|euros?|pounds?|usd|eur|gbp)"
_SPEND = rf"(?:{_MOST}|for |spend |budget of |it |may |can |costs? )*"
_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_MEMORY = {"mb": 1.0, "gb": 1024.0, "gib": 1024.0, "mib": 1.0}
_COUNTS = {"k": 1e3, "thousand": 1e3, "m": 1e6, "million": 1e6, "": 1.0}
_SYNONYMS = {
    "learning rate": "lr", "optimizer": "optim", "optimiser": "optim", "encoder": "backbone",
    "architecture": "model", "network": "model", "augmentations": "augmentation",
    "data augmentation": "augmentation", "batch size": "batch_size", "image size": "img_size",
    "weight decay": "weight_decay", "losses": "loss", "loss function": "loss", "schedule": "policy",
    "learning rate schedule": "policy",
}  # fmt: skip
_SAID = re.compile(
    r"(?:please |just |i |we |(?:can|could) you |want |need |would like |to |me |us |give |get |"
    r"find |train |search (?:for )?|make |run |build |automl |it |on |for |with |this |my |our |"
    r"the |a |an |best |good |better |accurate |most |possible |model|segmentation|network|"
    r"data ?set|data|images|quality|accuracy|val_miou|miou| )*"
)
"""Words that ask for what every search does."""


@dataclass(frozen=True)
class Wishes:
    """What a request in words says, besides whether AutoML is wanted."""

    options: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    """Options of the run by name."""
    not_understood: tuple[str, ...] = ()
    reworded: tuple[tuple[str, str], ...] = ()
    """Clauses that a language model reworded, with its words."""

    def note(self) -> str | None:
        """Return one line on how the words were read; None if they say nothing of the kind."""
        words = [
            f"--{name.replace('_', '-')} {shlex.quote(str(item))}"
            for name, value in self.options.items()
            for item in (value if isinstance(value, tuple) else (value,))
        ]
        parts = [f"read as {' '.join(words)}"] if words else []
        parts += [f"{clause!r} reworded as {form!r}" for clause, form in self.reworded]
        if self.not_understood:
            parts.append(f"not understood: {', '.join(map(repr, self.not_understood))}")
        return f"--request: {'; '.join(parts)}" if parts else None


def read_wishes(text: str, info: SkillInfo) -> Wishes:
    """Return the wishes of a request; only metrics and costs of the skill become constraints."""
    options: dict[str, Any] = {}
    unread = []
    costs = {*info.cost_metrics, *info.metrics}
    for clause in _clauses(text):
        rest = " ".join(clause.lower().split())
        for pattern, option in _RULES:
            while (match := pattern.search(rest)) and (made := option(match, costs)):
                name, value = made
                if isinstance(value, tuple):
                    value = (*options.get(name, ()), *value)
                options[name] = value
                rest = " ".join(f"{rest[: match.start()]} {rest[match.end() :]}".split())
        if not _SAID.fullmatch(rest.strip(" .!")) and not _is_about_automl(clause):
            unread.append(rest.strip(" .!"))
    return Wishes(options, tuple(unread))


def _clauses(text: str) -> Iterator[str]:
    for part in re.split(r"[,;\n]|(?<=\w)[.!?](?:\s|$)|\b(?:and|but)\b", text):
        if part.strip(" .!?"):
            yield part.strip()


def _is_about_automl(clause: str) -> bool:
    reading = read_request(clause)
    return reading.off is not None or reading.names_automl


def _number(text: str) -> float:
    return 0.5 if text.startswith("half") else float(_NUMBERS.get(text, text))


_Made = tuple[str, Any] | None
_Rule = Callable[[re.Match[str], set[str]], _Made]


def _limit(metric: str, scale: Mapping[str, float] | None = None) -> _Rule:
    def made(match: re.Match[str], costs: set[str]) -> _Made:
        factor = 1.0 if scale is None else scale[match["unit"] or ""]
        if metric not in costs:
            return None
        return "constraint", (f"{metric}<={_number(match['n']) * factor:g}",)

    return made


def _time(match: re.Match[str], costs: set[str]) -> _Made:
    seconds = round(_number(match["n"]) * _UNITS[match["unit"][0]])
    hours, rest = divmod(seconds, 3600)
    minutes, seconds = divmod(rest, 60)
    parts = ((hours, "h"), (minutes, "m"), (seconds, "s"))
    return "time", "".join(f"{amount}{unit}" for amount, unit in parts if amount)


def _count(name: str) -> _Rule:
    return lambda match, costs: (name, int(_number(match["n"])))


def _amount(name: str) -> _Rule:
    return lambda match, costs: (name, _number(match["n"]))


def _kept(match: re.Match[str], costs: set[str]) -> _Made:
    name = match["name"].strip()
    return "keep", (_SYNONYMS.get(name, name.replace(" ", "_")),)


def _least(match: re.Match[str], costs: set[str]) -> _Made:
    number = _number(match["n"])
    return "min_objective", number / 100 if match["unit"] or number > 1 else number


_NAME = r"(?:the |my |any )?(?P<name>[a-z][\w. ]*?)(?: alone| as it is| as they are| fixed|$)"
_RULES: tuple[tuple[re.Pattern[str], _Rule], ...] = tuple(
    (re.compile(pattern), rule)
    for pattern, rule in (
        (
            r"(?:do not|don't|dont|never|without) (?:touch|change|tune|search|vary|modify|"
            r"touching|changing|tuning)(?:ing)? " + _NAME,
            _kept,
        ),
        (r"\b(?:keep|leave) " + _NAME, _kept),
        (_MOST + _N + r" ?(?:ms|milliseconds?)\b", _limit("latency_ms")),
        (
            _MOST + _N + r" ?(?P<unit>gb|mb|gib|mib)\b(?: (?:of )?(?:gpu )?(?:memory|ram))?",
            _limit("memory_mb", _MEMORY),
        ),
        (
            _MOST + _N + r" ?(?P<unit>k|thousand|m|million)? ?(?:parameters|weights)\b",
            _limit("parameters", _COUNTS),
        ),
        (_MOST + _N + r" ?gflops\b", _limit("gflops")),
        (
            r"(?:miou|iou|accuracy|objective) (?:of )?(?:at least|above|over|>=?) "
            r"(?P<n>\d+(?:\.\d+)?) ?(?P<unit>%|percent)?",
            _least,
        ),
        (
            rf"(?:{_MOST})?{_N} ?epochs (?:in all|in total|together|altogether)",
            _count("budget_epochs"),
        ),
        (rf"(?:{_MOST}|for )?{_N} ?epochs(?: each| per trial)?\b", _count("epochs")),
        (rf"(?:{_MOST}|with )?{_N} ?trials\b", _count("trials")),
        (
            rf"(?:{_MOST}|at |for |costs? )*[$€£]?{_N} ?{_CURRENCY}? ?(?:an|a|per|/) ?(?:hour|h)\b",
            _amount("price_per_hour"),
        ),
        (rf"{_SPEND}[$€£] ?{_N}", _amount("budget_cost")),
        (rf"{_SPEND}{_N} ?{_CURRENCY}(?!\w)", _amount("budget_cost")),
        (
            rf"(?:{_MOST}|in |for |you have |i have |budget of )?{_N} ?"
            r"(?P<unit>hours?|hrs?|h|minutes?|mins?|min|m|seconds?|secs?|s|days?|d)\b"
            r"(?: of (?:time|training|search))?",
            _time,
        ),
    )
)  # fmt: skip
