"""Reads questions and their answers, quotations and reports of the past in reduced clauses."""

import re

from automl.request.refusals import AUTOML, SEARCH

_YES = re.compile(
    r"^(?:(?:yes|yeah|yep|sure|of course|right|correct|exactly|absolutely|ok|okay|please|do|it|"
    r"indeed|definitely) ?){1,3}$"
)
_NO = re.compile(
    r"^(?:(?:please|oh|well|hm+|better|rather|sorry|absolutely|definitely|certainly|of course)"
    r" ){0,2}"
    r"(?:(?:no|nope|nah|nein|never|none|off|not|do not)(?: (?:thanks?|danke|thank you|thx"
    r"|please|way|need"
    r"(?: for (?:it|that))?|no|never|sir))?"
    r"|not (?:this time|today|now|here|needed|necessary|required|again|at all|really|yet|for"
    r" (?:this|"
    r"now|me|us))\b[\w ]{0,40}|i (?:would |d )?rather not|i do not think(?: so)?)$"
)
_IS_DELIBERATION = re.compile(
    r"^(?:so |and |or |well )?(?:"
    r"(?:should|shall|can|may|must|do|would) (?:i|we|you|one|it|this)"
    r"(?: \w+){0,3} (?:need|use|run|want|do|have|try|enable|with|like|start|include|turn on)"
    rf"|is (?:a |an |the |any )?(?:{AUTOML}|{SEARCH}) (?:\w+ )?(?:needed|required|necessary|wanted)"
    rf"|(?:(?:and|with|use|run|try|enable|turn on|want|need|any|some|a|the|what about|how about) )*"
    rf"(?:{AUTOML}|{SEARCH})(?: (?:on|enabled|needed|required|wanted|necessary|too|here|today"
    rf"|then))?"
    r"[^a-z_]*$)"
)
_IS_REQUEST = re.compile(r"^(?:please |hi |hello )?(?:can|could|would|will|may|might)\b")
_ASKS_FACT = re.compile(
    r"^(?:is|are|was|were|does|did|do you|do not (?:i|we|you)|has|have|had|why|what|how|when"
    r"|which|who|whether)\b"
)
_WISH = re.compile(
    r"\b(?:i|we) (?:\w+ )?(?:want|need|prefer|like|insist on) (?:(?:to|you to) "
    r"(?:search|tune|optimi[sz]e|sweep|use it|run it|keep it)\b|(?:it|one)\b(?! off)"
    rf"|(?:a |an |the |my |full |proper ){{0,3}}(?:{AUTOML}|{SEARCH}\b))"
    r"|^(?:(?:please|now|just|do|still|instead|let us|lets?) )*(?:search|tune|optimi[sz]e|sweep|"
    r"ignore (?:that|it|this|them)|(?:use|enable|run) it|(?:turn|switch|keep|leave) it (?:back"
    r" )?on)\b"
    rf"|^(?:of course|yes|sure|definitely|absolutely) (?:\w+ )?{AUTOML}"
)
_REPORT = (
    r"(?<!\bi )(?<!\bwe )(?:says?|said|tells?|told|wrote|writes|recommends?|recommended|suggests?|"
    r"suggested|claims?|claimed|advises?|advised|thinks|states?|according to|supposedly|"
    r"in (?:the|their|this) (?:\w+ )?(?:paper|docs?|documentation|tutorial|readme|manual|example))"
)
_REPORTED = re.compile(rf"\b{_REPORT}\b")
_REPORTED_NEXT = re.compile(
    rf"\b(?:{_REPORT}(?: (?:me|us|that|this|to|so)){{0,2}}|according to(?: \w+){{1,3}}) *$"
)
_PAST = re.compile(
    r"\b(?:results?|scores?|m?iou|accuracy|loss|it|that|this|model|values?|runs?|training|we|i) "
    r"(?:already |only |just |once ){0,2}(?:was|were)(?! (?:told|hoping|wondering|thinking))\b"
    r"|(?<!\bi )(?<!\bwe )(?<!\byou )\bgave\b|\b(?:reached|scored|achieved|yielded|took"
    r"|produced|managed|performed)\b"
    rf"|{AUTOML} (?:off )?\d+\.\d"
    r"|\b(?:i|we|it|they) got\b(?! no\b)"
    r"|\b(?:i|we|they|he|she|you|someone|somebody) (?:\w+ )?(?:trained|ran|tried|turned|switched|"
    r"disabled|skipped|dropped|omitted|deactivated|cancelled)\b"
)


def answers_yes(words: str) -> bool:
    """Whether the first clause behind a question affirms it."""
    return _YES.search(words) is not None


def answers_no(words: str) -> bool:
    """Whether the first clause behind a question denies it."""
    return _NO.search(words) is not None


def proposes_automl(words: str) -> bool:
    """Whether a question, e.g. "AutoML?" or "do we need HPO?", leaves AutoML to its answer."""
    return _IS_DELIBERATION.search(words) is not None


def is_request(words: str) -> bool:
    """Whether a question is a polite request, e.g. "could you train it?"."""
    return _IS_REQUEST.search(words) is not None


def is_proposal(words: str) -> bool:
    """Whether a question proposes what it says: "no AutoML?", "should we skip it?"."""
    return not _ASKS_FACT.search(words)


def wishes_search(words: str) -> bool:
    """Whether a clause overrules a refusal that was only quoted or asked: "but I want a search"."""
    return _WISH.search(words) is not None


def is_reported(words: str, before: str) -> bool:
    """Whether a clause, or the one before it, says that others said it: "the docs say"."""
    return bool(_REPORTED.search(words) or _REPORTED_NEXT.search(before))


def is_past(words: str) -> bool:
    """Whether a clause reports an earlier run: "without AutoML the result was 0.4"."""
    return _PAST.search(words) is not None
