"""Detects in a request in words that AutoML must be turned off.

The text is cut into sentences and clauses; the words of each clause are reduced to a small English
vocabulary (every name of AutoML becomes one word, "don't" becomes "do not", "ohne" "without"), and
matched against the ways to refuse a search or to ask for a plain training. A clause that negates
this, asks about it, or makes it depend on a condition does not count.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

from automl.request.refusals import AUTOML, SEARCH, asks_for_automl, turns_off
from automl.request.vocabulary import CJK, in_english, is_question_of_its_language

_NAMES = re.compile(
    rf"""\b(?: auto[ ]?ml | h\.?[ ]?p\.?[ ]?o\b\.? | automat(?:ed|ic)[ ]machine[ ]learning
    | (?:hyper[ ]?)param(?:eter)?s?[ ]{SEARCH} )
    (?:[ ](?:{SEARCH}|runs?|mode|policy|step|stage|process|workflow|pipeline|routing))*\b
    """,
    re.VERBOSE,
)
_BEFORE_FOREIGN = re.compile(rf"{AUTOML} (?!(?:\w+ )?(?:unused|disable|off|not|please)\b)")
_SETTING = re.compile(r"(\b(?:auto[ -]?ml|hpo)(?:[ _]\w+)?)\s*(?:[:=-]|→|[-=]>)+\s*", re.IGNORECASE)

_SENTENCE = re.compile(r"(?<=[.!?])(?:\s+|$)|(?<=[。！？])|;|\n\s*\n")
_CLAUSE = re.compile(
    r"[,;:()\[\]、，；：]+|\s-+\s|--+|[–—]+|[.!?]+$"
    r"|\b(?:and|but|then|so|because|since|und|aber|dann|sondern|et|mais|alors|pero|luego)\b",
    re.IGNORECASE,
)
_QUESTION = re.compile(
    r"^(?:should|shall|is|are|was|were|does|did|do (?:i|we|you)|has|have|why|what|how|when (?:is|do"
    r"|does|should)|which|who|whether)\b"
    r"|\b(?:whether|why|(?<!is )what|how|which|(?:did|does|had)(?! not))\b"
)
_POLITE = re.compile(
    r"\b(?:if (?:at all )?(?:possible|feasible|you (?:can|could|may|would|like|please|do not mind|"
    r"want)|it (?:is|s) (?:possible|ok|okay|feasible)|that (?:is|s) (?:ok|okay|possible|fine))"
    r"|unless (?:it (?:is|s) )?impossible|when(?:ever)? (?:you (?:do )?train|training|possible))\b"
)
_CONDITION = re.compile(
    r"\b(?:(?:only |even )?if|unless|in case|provided|assuming|suppose|supposing|until|only when)\b"
    r"|^when\b"
)


@dataclass(frozen=True)
class Reading:
    """What a request in words says of AutoML."""

    off: str | None = None
    """The clause that turns it off, in the person's words; None if there is none."""
    names_automl: bool = False
    """Whether AutoML is named at all."""
    asks_for_automl: bool = False
    """Whether a clause asks for it."""

    def note(self) -> str | None:
        """Return one line on how AutoML was understood; None if it was not named or asked for."""
        if self.off is not None:
            return f"--request: read as --policy off: {self.off!r}"
        if self.names_automl and not self.asks_for_automl:
            return (
                "--request: AutoML is mentioned but not turned off; for a plain training use "
                "--policy off"
            )
        return None


def read_request(text: str) -> Reading:
    """Read a request, e.g. "train it, no HPO please"."""
    names = asks = False
    for sentence in _SENTENCE.split(_plain(text)):
        for clause, words, counts in _clauses(sentence):
            names = names or AUTOML in words
            asks = asks or (counts and asks_for_automl(words))
            if counts and turns_off(words):
                return Reading(" ".join(clause.split()), names_automl=True)
    return Reading(None, names, asks)


def says_off(text: str) -> bool:
    """Whether a request says to leave AutoML off."""
    return read_request(text).off is not None


def _clauses(sentence: str) -> Iterator[tuple[str, str, bool]]:
    """Yield the clauses of a sentence, their reduced words, and whether they count.

    A question counts for nothing, nor does a conditional clause or the one that follows from it.
    """
    clauses = [part for part in _CLAUSE.split(sentence) if part and part.strip()]
    words = [_reduced(clause) for clause in clauses]
    polite = [" ".join(_POLITE.sub(" ", each).split()) for each in words]
    is_question = (
        is_question_of_its_language(sentence) or bool(polite) and bool(_QUESTION.search(polite[0]))
    )
    for place, (clause, each) in enumerate(zip(clauses, polite, strict=True)):
        above = _CONDITION.search(polite[place - 1]) if place else None
        follows = above is not None and above.start() == 0
        counts = not (is_question or follows or _CONDITION.search(each))
        yield clause, each, counts and not _QUESTION.search(each)


def _plain(text: str) -> str:
    """Return a text on one line a paragraph, without marks that stand between words."""
    plain = unicodedata.normalize("NFKC", text)
    plain = re.sub(r"[\u2018\u2019\u02bc`´]", "'", plain)
    plain = re.sub(r"\bh\.p\.o\b\.?", "HPO", plain, flags=re.IGNORECASE)
    plain = re.sub(r"\bw/o\b", "without", plain, flags=re.IGNORECASE)
    plain = re.sub(r"\((\w+-?)\)(?=\w)", r"\1", plain)
    plain = re.sub(r"\.{2,}|…|[*#>|~\"]", " ", plain)
    plain = re.sub(rf"(?<=[A-Za-z0-9])(?=[{CJK}])|(?<=[{CJK}])(?=[A-Za-z0-9])", " ", plain)
    plain = re.sub(r"(?<!\n)\n(?!\s*\n)", " ", plain)
    return _SETTING.sub(r"\1 ", plain)


def _reduced(clause: str) -> str:
    """Return the words of a clause in the small vocabulary."""
    words = clause.casefold()
    words = re.sub(r"(?<=\w)[\u2010-\u2015_-](?=\w)", " ", words)
    words = re.sub(r"\bcannot\b", "can not", words)
    words = re.sub(
        r"\b(wo|do|does|did|should|must|need|ca|could|would|is|are)n'?t\b", r"\1 not", words
    )
    english = in_english(words)
    reduced = _NAMES.sub(AUTOML, " ".join(re.sub(r"['=→]", " ", english).split()))
    if " ".join(english.split()) != " ".join(words.split()):
        # Of another language only a few words are known: any may stand behind the name.
        reduced = _BEFORE_FOREIGN.sub(f"{AUTOML} please ", reduced)
    return " ".join(reduced.split())
