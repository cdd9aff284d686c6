"""Reads in a person's words whether AutoML is to be left off for this run.

The words are reduced to a small vocabulary (every name of AutoML becomes one word, "don't" becomes
"do not"), cut into clauses, and each clause is matched against the ways of saying it. A clause that
negates, supposes or asks says nothing of the kind. English only.
"""

import re
import unicodedata

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
_CLAUSE = re.compile(r"[,;.!?()\[\]\n]+|\s-\s|\b(?:and|but|then|so|because|since)\b")
_HYPOTHETICAL = re.compile(r"\b(?:if|unless|whether|why|what|how|which|did|does|was|were|had)\b")
_NEGATION = re.compile(
    r"\b(?:not|never|no|without|nor|neither|avoid|refuse|stop|instead of|rather than|against)\b"
)

_THE = r"(?:(?:the|any|this|your|all|its|our|that|more|kind|sort|type|of|a|an|further) )*"
_OFF = r"(?:off|disabled|deactivated|skipped|omitted|excluded|false)"
_SWITCH = r"(?:turn|switch|shut|toggle)(?:ed|ing|es)?"
_DROP = (
    r"(?:disabl|deactivat|skip|avoid|omit|bypass|exclud|forgo|drop|forget|cancel)"
    r"(?:e|ed|ing|ping|ting|p|s)?"
)
_USE = (
    r"(?:use|using|do|doing|run|running|want|need|require|perform|start|apply|launch|try|involve|"
    r"enable|like|include|go through|go for|turn on|switch on|bother with|(?:route|send) it "
    r"(?:through|to))"
)
_SHOULD = (
    r"(?:is to be|should be|must be|has to be|to be|be|is|stays?|remains?|kept|left|set to|to)"
)
# What may stand behind the name; a noun there ("no HPO errors") is what the clause is about.
_END = (
    r"(?= (?:please|pls|thanks|thank|now|just|only|this|today|here|at|for|on|in|with|while|when|as|"
    r"or|to|it|is|i|we|you|needed|required|wanted|necessary|desired|used|involved|whatsoever|ever|"
    r"again|yet|either|anymore|altogether|completely|entirely|first|instead|train|run|do|use|fit|"
    r"start|go|the|my|a|from|during|until|unless|if|that|per|via|by|before|after)\b| ?$)"
)
_PHRASES = [
    re.compile(pattern)
    for pattern in (
        rf"\b{_SWITCH} (?:off|down) {_THE}{_AUTOML}{_END}",
        rf"\b{_SWITCH} {_THE}{_AUTOML} (?:off|down)\b",
        rf"\b{_DROP} (?:with |out |about )?{_THE}{_AUTOML}{_END}",
        rf"\b(?:no|without|minus|sans|zero) {_THE}{_AUTOML}{_END}",
        rf"\b(?:no|without) (?:need (?:for|of|to (?:use|run|do))|{_USE}) {_THE}{_AUTOML}{_END}",
        rf"\b(?:not|never) (?:\w+ )?{_USE} {_THE}{_AUTOML}{_END}",
        rf"\b(?:opt|leave|keep|stay) (?:me )?out (?:of )?{_THE}{_AUTOML}{_END}",
        rf"\b(?:leave|keep|put|set|have) {_THE}{_AUTOML} (?:(?:to|switched|turned) )?"
        rf"(?:{_OFF}|out)\b",
        rf"{_AUTOML} (?:{_SHOULD} )?(?:(?:turned|switched|kept|left) )?{_OFF}\b",
        rf"{_AUTOML} (?:is |should |must )?not (?:be )?(?:needed|required|wanted|necessary|used)\b",
        rf"\b(?:plain|non {_AUTOML}) (?:old )?(?:\w+ )?train(?:ing)?(?: run| job)?{_END}",
        rf"\btrain(?: it| this| the model| \w+)? (?:plainly|plain){_END}",
    )
]


def says_off(text: str) -> bool:
    """Whether a request says to leave AutoML off, e.g. "train it, no HPO please"."""
    return any(_clause_says_off(clause) for clause in _clauses(text))


def _clause_says_off(clause: str) -> bool:
    for phrase in _PHRASES:
        for match in phrase.finditer(clause):
            before = clause[: match.start()]
            if not (_NEGATION.search(before) or _HYPOTHETICAL.search(before)):
                return True
    return False


def _clauses(text: str) -> list[str]:
    """Return the text in the small vocabulary, cut where a negation cannot reach across."""
    plain = unicodedata.normalize("NFKC", text).casefold()
    plain = re.sub(r"[\u2018\u2019\u02bc`´]", "'", plain)
    plain = re.sub(r"(?<=\w)[\u2010-\u2015_-](?=\w)", " ", plain)
    plain = re.sub(r"\bw/o\b", "without", plain)
    plain = re.sub(r"\bcannot\b", "can not", plain)
    plain = re.sub(
        r"\b(wo|do|does|did|should|must|need|ca|could|would|is|are)n'?t\b", r"\1 not", plain
    )
    plain = re.sub(r"[^\S\n]+", " ", plain.replace('"', " ").replace("'", " "))
    plain = re.sub(_NAMES, _AUTOML, plain)
    plain = re.sub(rf"{_AUTOML}\s*[:=]\s*", f"{_AUTOML} ", plain)
    return [" ".join(part.split()) for part in _CLAUSE.split(plain.replace(":", ","))]
