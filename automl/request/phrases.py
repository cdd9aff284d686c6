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

from automl.request.vocabulary import in_english, is_question_of_its_language

_AUTOML = "automl_"
"""Stands for every name of AutoML in the reduced text; no word of a person ends like this."""

_SEARCH = r"(?:optimi[sz](?:ation|ing|er)|search(?:es|ing)?|tuning|sweeps?)"
_NAMES = re.compile(
    rf"""\b(?: auto[ ]?ml | h\.?[ ]?p\.?[ ]?o\b\.? | automat(?:ed|ic)[ ]machine[ ]learning
    | (?:hyper[ ]?)param(?:eter)?s?[ ]{_SEARCH} )
    (?:[ ](?:{_SEARCH}|runs?|mode|policy|step|stage|process|workflow|pipeline|routing))*\b
    """,
    re.VERBOSE,
)
_SETTING = re.compile(r"(\b(?:auto[ -]?ml|hpo)(?:[ _]\w+)?)\s*(?:[:=]|→|[-=]>)+\s*", re.IGNORECASE)
_CJK = r"\u3040-\u30ff\u3400-\u9fff\uac00-\ud7a3"

_SENTENCE = re.compile(r"(?<=[.!?])(?:\s+|$)|(?<=[。！？])|;|\n\s*\n")
_CLAUSE = re.compile(
    r"[,;:()\[\]、，；：]+|\s-+\s|--+|[–—]+|[.!?]+$"
    r"|\b(?:and|but|then|so|because|since|und|aber|dann|sondern|et|mais|alors|pero|luego)\b",
    re.IGNORECASE,
)
_QUESTION = re.compile(
    r"^(?:should|shall|is|are|was|were|does|did|do (?:i|we|you)|has|have|why|what|how|when (?:is|do"
    r"|does|should)|which|who|whether)\b|\b(?:whether|why|what|how|which|did|does|had)\b"
)
_POLITE = re.compile(
    r"\b(?:if (?:at all )?(?:possible|feasible|you (?:can|could|may|would|like|please|do not mind|"
    r"want)|it (?:is|s) (?:possible|ok|okay|feasible)|that (?:is|s) (?:ok|okay|possible|fine))"
    r"|unless (?:it (?:is|s) )?impossible|when(?:ever)? (?:you (?:do )?train|training|possible))\b"
)
_CONDITION = re.compile(
    r"\b(?:if|unless|in case|provided|assuming|suppose|supposing|until|only when)\b|^when\b"
)
_NEGATION = re.compile(
    r"\b(?:not|never|no|without|nor|avoid|refuse|stop|instead of|rather than|against|than|beats?|"
    r"beating|outperforms?|improves?|compared?|versus|vs|dont)\b"
)
_REFUTED = re.compile(
    r"\b(?:is|are|was|were|would be|will be|seems) (?:\w+ )?(?:not|never|no (?:option|good|way)|out "
    r"of the question|unacceptable|impossible|too (?:bad|weak|poor))\b"
)

_THE = (
    r"(?:(?:the|any|this|your|all|its|our|that|more|kind|sort|type|of|a|an|further|such|o|el|la|le|"
    r"l|das|den|die|der|il|lo|du|de|d) )*"
)
_OFF = r"(?:off|disabled|deactivated|skipped|omitted|excluded|false)"
_SWITCH = r"(?:turn|switch|shut|toggle)(?:ed|ing|es)?"
_DROP = (
    r"(?:disabl|deactivat|skip|avoid|omit|bypass|exclud|forgo|drop|forget|cancel)"
    r"(?:e|ed|ing|ping|ting|p|s)?"
)
_USE = (
    r"(?:(?:us|want|need|requir|perform|start|apply|launch|try|involv|enabl|lik|includ|invok|employ|"
    r"schedul|do|run|plan)(?:e|es|s|ed|ing|ning)?|go(?:ing)? (?:through|for)|(?:turn|switch)(?:ing)? "
    r"on|bother(?:ing)? with|ask(?:ed|ing)? for|wait(?:ing)? for|(?:route|send) it (?:through|to))"
)
_NO_WISH = (
    r"(?:no (?:\w+ )?(?:time|need|patience|reason|point|interest|use|wish|room|cause|desire) (?:for|in|"
    r"to|of)|not (?:\w+ )?(?:interested in|keen on|in the mood for|fond of)|(?:tired|sick|wary) of)"
)
_SHOULD = (
    r"(?:is to be|should be|must be|has to be|to be|be|is|stays?|remains?|kept|left|set to|to)"
)
# What may stand behind the name; a noun there ("no HPO errors") is what the clause is about.
_AFTER = (
    r"please|pls|thanks|thank|now|just|only|this|today|here|at|for|on|in|with|while|when|as|or|to|"
    r"it|is|i|we|you|needed|required|wanted|necessary|desired|used|involved|whatsoever|ever|again|"
    r"yet|either|anymore|altogether|completely|entirely|first|instead|train|run|do|use|fit|start|"
    r"go|during|until|unless|if|that|per|via|by|before|after|nor|not|rather|over"
)
_END = rf"(?= (?:{_AFTER}|the|my|a|from)\b|[^a-z_]*$| [{_CJK}])"
_END_OF_TASK = rf"(?= (?:{_AFTER}|anything|at all)\b|[^a-z_]*$)"

# A search without its name, which only a refusal makes AutoML's.
_TASK = (
    rf"(?:(?:(?:hyper ?)?parameter )?{_SEARCH}|trials|tun(?:e|ing)(?: (?:it|anything))?|"
    r"search(?: for)?(?: (?:it|anything))?|sweep(?:ing)?)"
)
_PLAIN = r"(?:plain|simple|single|ordinary|vanilla|normal|regular|basic|bare|non automl_)"
_TRAINING = r"(?:train(?:ing)?(?: run| job)?|runs?|jobs?)"
_DEFAULTS = (
    r"(?:the )?(?:default|fixed|given)s?(?: (?:settings|values|hyper ?parameters|parameters))?"
)

_REFUSALS = [
    re.compile(pattern)
    for name, end in ((_AUTOML, _END), (_TASK, _END_OF_TASK))
    for pattern in (
        rf"\b{_SWITCH} (?:off|down) {_THE}{name}{end}",
        rf"\b{_SWITCH} {_THE}{name} (?:please |now |again )?(?:off|down)\b",
        rf"\b{_DROP} (?:with |out |about )?{_THE}{name}{end}",
        rf"\b(?:no|without|minus|sans|zero|neither) {_THE}{name}{end}",
        rf"\b(?:no|without) (?:need (?:for|of|to (?:use|run|do)|to)|{_USE}) {_THE}{name}{end}",
        rf"\b(?:not|never|nobody|no one) (?:\w+ ){{0,2}}{_USE} (?:to )?{_THE}{name}{end}",
        rf"\b{_NO_WISH} (?:{_USE} )?{_THE}{name}{end}",
        rf"\b(?:not|instead of|rather than) (?:{_USE} )?{_THE}{name}{end}",
        rf"\bprefer\w* .*(?:over|to) {_THE}{name}{end}",
        rf"\brefuse to {_USE} {_THE}{name}{end}",
    )
] + [
    re.compile(pattern)
    for pattern in (
        rf"\b(?:opt|leave|keep|stay) (?:me )?out (?:of )?{_THE}{_AUTOML}{_END}",
        rf"\b(?:leave|keep|put|set|have) {_THE}{_AUTOML} (?:(?:to|switched|turned) )?"
        rf"(?:{_OFF}|out)\b",
        rf"{_AUTOML} (?:{_SHOULD} )?(?:(?:turned|switched|kept|left) )?{_OFF}\b",
        rf"{_AUTOML} (?:please )?(?:unused|disable)\b",
        rf"{_AUTOML} (?:is |should |must )?not (?:be )?(?:needed|required|wanted|necessary|used)\b",
    )
]  # fmt: skip
_PLAIN_TRAININGS = [
    re.compile(pattern)
    for pattern in (
        rf"\b{_PLAIN}(?: old)?(?: \w+)?? {_TRAINING}(?: only)?(?:{_END}|(?= (?:of|beats?|suffices|will do|would do|is (?:enough|fine|ok|okay|sufficient|all|better|preferred|what i))\b))",
        rf"\b(?:one|just one|only one) {_TRAINING}(?: only| with {_DEFAULTS}){_END_OF_TASK}",
        rf"\b{_TRAINING} (?:only |just |once )?with {_DEFAULTS}(?: only)?{_END}",
        rf"\b(?:fixed|only) (?:default )?hyper ?parameters\b{_END}",
        rf"\b(?:just|only|simply) train(?: it| this| the model| \w+)?{_END_OF_TASK}",
        r"\btrain(?: it| this| the model| \w+)? (?:plainly|plain|normally)\b",
    )
]  # fmt: skip
_WITH_AUTOML = re.compile(
    rf"\b(?:with|use|using|run|running|enable|try|compare|by|through|via|prefer|{_SWITCH} on) "
    rf"{_THE}{_AUTOML}|{_AUTOML} (?:on|instead of|rather than|over|yes)\b|^{_AUTOML} instead"
)


@dataclass(frozen=True)
class Reading:
    """What a request in words says of AutoML."""

    off: str | None = None
    """The clause that turns it off, in the person's words; None if there is none."""
    names_automl: bool = False
    """Whether AutoML is named at all."""


def read_request(text: str) -> Reading:
    """Read a request, e.g. "train it, no HPO please"."""
    names_automl = False
    for sentence in _SENTENCE.split(_plain(text)):
        for clause, words, counts in _clauses(sentence):
            names_automl = names_automl or _AUTOML in words
            if counts and _turns_off(words):
                return Reading(" ".join(clause.split()), names_automl=True)
    return Reading(None, names_automl)


def says_off(text: str) -> bool:
    """Whether a request says to leave AutoML off."""
    return read_request(text).off is not None


def _turns_off(words: str) -> bool:
    if any(_counts(match, words) for pattern in _REFUSALS for match in pattern.finditer(words)):
        return True
    if _WITH_AUTOML.search(words):
        return False
    return any(
        _counts(match, words) for pattern in _PLAIN_TRAININGS for match in pattern.finditer(words)
    )


def _counts(match: re.Match[str], words: str) -> bool:
    """Whether nothing before a match negates it, and nothing behind it refutes it."""
    before, behind = words[: match.start()], words[match.end() :]
    return not (_NEGATION.search(before) or _REFUTED.search(behind))


def _clauses(sentence: str) -> Iterator[tuple[str, str, bool]]:
    """Yield the clauses of a sentence, their reduced words, and whether they count.

    A question counts for nothing. A condition takes away its own clause and the one that follows
    from it: the next if it stands first, else the one before.
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
    plain = re.sub(r"\.{2,}|…|[*#>|~\"]", " ", plain)
    plain = re.sub(rf"(?<=[A-Za-z0-9])(?=[{_CJK}])|(?<=[{_CJK}])(?=[A-Za-z0-9])", " ", plain)
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
    words = " ".join(in_english(words).replace("'", " ").split())
    words = _NAMES.sub(_AUTOML, words)
    return " ".join(re.sub(r"[=→]", " ", words).split())
