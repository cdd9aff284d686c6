"""Detects in a request in words that AutoML must be turned off.

The text is cut into sentences and clauses; the words of each clause are reduced to a small English
vocabulary (every name of AutoML becomes one word, "don't" becomes "do not", "ohne" "without"), and
matched against the ways to refuse a search or to ask for a plain training. A clause that negates
this, asks about it, or makes it depend on a condition does not count.
"""

import re
import unicodedata
from dataclasses import dataclass

from automl.errors import UsageError
from automl.request.answers import (
    answers_no,
    answers_yes,
    is_past,
    is_proposal,
    is_reported,
    is_request,
    proposes_automl,
    wishes_search,
)
from automl.request.refusals import AUTOML, SEARCH, asks_for_automl, commands_off, turns_off
from automl.request.vocabulary import CJK, in_english, is_question_of_its_language

_NAMES = re.compile(
    rf"""\b(?: auto[ ]?ml | h\.?[ ]?p\.?[ ]?o\b\.? | automat(?:ed|ic)[ ]machine[ ]learning
    | (?:hyper[ ]?)param(?:eter)?s?[ ]{SEARCH} )
    (?:[ ](?:{SEARCH}|runs?|mode|policy|step|stage|process|workflow|pipeline|routing))*\b
    """,
    re.VERBOSE,
)
_BEFORE_FOREIGN = re.compile(rf"{AUTOML} (?!(?:\w+ )?(?:unused|disable|off|not|please)\b)")
_SETTING = re.compile(
    r"(\b(?:auto[ -]?ml|hpo)(?:[ _]\w{1,40})?)[ ]{0,3}(?:[:=-]|→|[-=]>)+[ ]{0,3}", re.IGNORECASE
)
_NO_SETTING = re.compile(
    rf"""(\b(?:(?:hyper[ -]?)?param(?:eter)?s?[ _-]{SEARCH}|(?<![a-z][ ])(?:policy|{SEARCH})))
    [ ]{{0,3}}[:=→][ ]{{0,3}}
    (?=(?:no|none|nil|never|0|off|false|disabled)[ ]{{0,3}}(?:[.,;!)\]\n]|$))""",
    re.IGNORECASE | re.VERBOSE,
)

_SENTENCE = re.compile(r"(?<=[.!?])(?:\s+|$)|(?<=[。！？])|;|\n\s*\n")
_CLAUSE = re.compile(
    r",+(?!\s?(?:and\s)?nothing (?:else|more))|[;:()\[\]、，；：]+|\s-+\s|--+|[–—]+|[.!?]+$"
    r"|\b(?:and(?! nothing (?:else|more))|but|then|so|because|since|und|aber|dann|sondern|et|mais"
    r"|alors|pero|luego)\b",
    re.IGNORECASE,
)
_QUESTION = re.compile(
    r"^(?:do|does|did|should|would|is|are) not (?:i|we|you|it)\b"
    r"|^(?:should|shall|is|are|was|were|does|did|do (?:i|we|you)|has|have|why|what|how|when"
    r" (?:is|do"
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


LONGEST = 10_000
"""Characters of a request; a page or two of words, read in a fraction of a second."""


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


@dataclass(frozen=True)
class _Clause:
    text: str
    """In the person's words."""
    words: str
    """In the small vocabulary."""
    counts: bool
    """False if it asks, supposes or follows from what is supposed."""
    is_tentative: bool
    """Whether it only quotes or proposes, so that a wish for a search overrules it."""

    @property
    def refuses(self) -> bool:
        return self.counts and turns_off(self.words)

    @property
    def wishes(self) -> bool:
        """Whether it wishes for a search in spite of what was quoted or proposed before."""
        return asks_for_automl(self.words) or wishes_search(self.words)


@dataclass(frozen=True)
class _Sentence:
    text: str
    clauses: tuple[_Clause, ...]

    @property
    def is_asked(self) -> bool:
        return self.text.rstrip().endswith(("?", "？"))


def read_request(text: str) -> Reading:
    """Read a request, e.g. "train it, no HPO please".

    Raises `UsageError` if it is longer than `LONGEST`.
    """
    if len(text) > LONGEST:
        raise UsageError(
            f"--request has {len(text):,} characters; at most {LONGEST:,} are read. Say what is "
            "wanted in a few sentences; --policy off turns AutoML off"
        )
    sentences = [_sentence(part) for part in _SENTENCE.split(_plain(text))]
    names = asks = False
    tentative: str | None = None
    for sentence, after in zip(sentences, [*sentences[1:], _sentence("")], strict=True):
        names = names or any(AUTOML in clause.words for clause in sentence.clauses)
        answer = _answer(sentence, after)
        if answer is not None:
            asks = asks or not answer
            if answer:
                return Reading(_quoted(f"{sentence.text} {after.text}"), names_automl=True)
            continue
        for clause in sentence.clauses:
            asks = asks or (clause.counts and asks_for_automl(clause.words))
            if clause.refuses and not clause.is_tentative:
                return Reading(_quoted(clause.text), names_automl=True)
            if clause.refuses:
                tentative = tentative or _quoted(clause.text)
            elif clause.wishes:
                tentative = None
    return Reading(tentative, names or tentative is not None, asks)


def says_off(text: str) -> bool:
    """Whether a request says to leave AutoML off."""
    return read_request(text).off is not None


def _quoted(text: str) -> str:
    return " ".join(text.split())


def _answer(question: _Sentence, after: _Sentence) -> bool | None:
    """Whether a question and its answer turn AutoML off; None if that is not what they settle."""
    if not (question.is_asked and question.clauses and after.clauses):
        return None
    answer = after.clauses[0].words
    if any(turns_off(clause.words) for clause in question.clauses):
        if answers_no(answer):
            return False
        return True if answers_yes(answer) and is_proposal(question.clauses[0].words) else None
    if answers_no(answer) and any(proposes_automl(clause.words) for clause in question.clauses):
        return not any(clause.wishes for clause in after.clauses)
    return None


def _sentence(text: str) -> _Sentence:
    """Return a sentence with its clauses.

    A question counts for nothing, nor does a conditional clause or the one that follows from it,
    unless that switches off what the condition finds on.
    """
    clauses = [part for part in _CLAUSE.split(text) if part and part.strip()]
    reduced = [" ".join(_POLITE.sub(" ", _reduced(clause)).split()) for clause in clauses]
    first = reduced[0] if reduced else ""
    is_question = is_question_of_its_language(text) or bool(_QUESTION.search(first))
    is_tentative = text.rstrip().endswith("?") and not is_request(first)
    made = []
    for clause, words, before in zip(clauses, reduced, ["", *reduced[:-1]], strict=False):
        commands = not text.rstrip().endswith("?") and commands_off(words, before)
        counts = not (
            is_question or _CONDITION.match(before) or _CONDITION.search(words) or is_past(words)
        )
        counts = counts and not _QUESTION.search(words)
        tentative = is_tentative or is_reported(words, before)
        made.append(_Clause(clause, words, counts, tentative))
        if commands:
            made[-1] = _Clause(clause, AUTOML + " off", counts=True, is_tentative=False)
    return _Sentence(text, tuple(made))


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
    return _NO_SETTING.sub(r"\1 ", _SETTING.sub(r"\1 ", plain))


def _reduced(clause: str) -> str:
    """Return the words of a clause in the small vocabulary."""
    words = clause.casefold()
    words = re.sub(r"(?<=\w)[\u2010-\u2015_-](?=\w)", " ", words)
    words = re.sub(r"\bcannot\b", "can not", words)
    words = re.sub(
        r"\b(wo|do|does|did|should|must|need|ca|could|would|is|are)n'?t\b", r"\1 not", words
    )
    english = in_english(words.replace(",", " "))
    reduced = _NAMES.sub(AUTOML, " ".join(re.sub(r"['=→]", " ", english).split()))
    if " ".join(english.split()) != " ".join(words.split()):
        # Of another language only a few words are known: any may stand behind the name.
        reduced = _BEFORE_FOREIGN.sub(f"{AUTOML} please ", reduced)
    return " ".join(reduced.split())
