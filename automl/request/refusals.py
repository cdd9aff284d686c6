"""The ways to refuse a search or to ask for a plain training, in the reduced words of a clause."""

import re

from automl.request.vocabulary import CJK

AUTOML = "automl_"
"""Stands for every name of AutoML in the reduced text; no word of a person ends like this."""

SEARCH = r"(?:optimi[sz](?:ation|ing|er)|search(?:es|ing)?|tuning|sweeps?)"
_NEGATION = re.compile(
    r"\b(?:not|never|no|without|nor|avoid|refuse|stop|instead of|rather than|against|than|beats?|"
    r"beating|outperforms?|improves?|compared?|versus|vs|wrong|unwise|mistake|foolish|stupid"
    r"|shame|pity|hate|regret|"
    r"nothing(?! but))\b"
)
_REFUTED = re.compile(
    r"\b(?:is|are|was|were|would be|will be|seems) (?:\w+ )?(?:not|never|no (?:option|good|way)|"
    r"out of the question|unacceptable|impossible|too (?:bad|weak|poor))\b"
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
    r"(?:(?:us|want|need|requir|perform|start|apply|launch|try|involv|enabl|lik|includ|invok|"
    r"employ|schedul|do|run|plan)(?:e|es|s|ed|ing|ning)?|go(?:ing)? (?:through|for)"
    r"|(?:turn|switch)(?:ing)? on|bother(?:ing)? with|ask(?:ed|ing)? for|wait(?:ing)? for|"
    r"(?:route|send) it (?:through|to))"
)
_WITHIN = (
    r"(?:(?!(?:stop|forget|hesitate|only|just|fail|mind|without|skip|avoid|refuse|disable)\b)\w+ )"
    r"{0,4}"
)
"""Words between a denial and its verb, none of which is a denial itself."""
_CHOSEN = r"(?:\S+ ){0,12}"
"""What is preferred to a search; bounded, or the time to read a long text grows with its square."""
_NO_WISH = (
    r"(?:no (?:\w+ )?(?:time|need|patience|reason|point|interest|use|wish|room|cause|desire) "
    r"(?:for|in|to|of)|not (?:\w+ )?(?:interested in|keen on|in the mood for|fond of)|"
    r"(?:tired|sick|wary) of)"
)
_NEEDED = r"(?:needed|required|wanted|necessary|used|desired|welcome)"
_NEEDLESS = (
    r"(?:unnecessary|unneeded|unwanted|undesired|superfluous|redundant|pointless|overkill|needless|"
    r"not an option|a waste)"
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
_END = rf"(?= (?:{_AFTER}|the|my|a|from)\b|[^a-z_]*$| [{CJK}\d])"
_CEASED = r"(?= (?:please|now|today|here|altogether|entirely|for (?:this|now|once))\b|[^a-z_]*$)"
"""Behind "stop using AutoML": after three hours it would be a limit."""
_PART = (
    r" for (?:(?:the|any|my|a) )?(?:(?:hyper ?)?parameters (?:of|in)|(?:learning|batch|dropout"
    r"|decoder|encoder|backbone|optimi[sz]er|augmentation|weight)s?)\b"
    r"|(?<=trials) (?:on (?:the )?gpu|with (?:a |the )?(?:batch|lr|learning))\b"
)
_END_OF_TASK = rf"(?!{_PART})(?= (?:{_AFTER}|anything|at all)\b|[^a-z_]*$)"

# A search without its name, which only a refusal makes AutoML's.
_TASK = (
    rf"(?:(?:(?:hyper ?)?parameter )?{SEARCH}|trials|"
    r"tun(?:e|ing)(?: (?:the |any )?(?:it|anything|(?:hyper ?)?parameters))?|"
    r"search(?: for)?(?: (?:it|anything))?|sweep(?:ing)?)"
)
_PLAIN = (
    r"(?:plain|simple|single|ordinary|vanilla|normal|regular|basic|bare|standard|usual|default|"
    r"typical|conventional|classic(?:al)?|straightforward|non automl_)"
)
_TRAINING = r"(?:train(?:ing)?(?: run| job)?|runs?|jobs?)"
_DEFAULTS = (
    r"(?:the )?(?:default|fixed|given)s?"
    r"(?: (?:settings?|values|hyper ?parameters|parameters|config\w*))?"
)
_WILL_DO = (
    r"(?:beats?|suffices|will do|would do|is (?:enough|fine|ok|okay|sufficient|all|better|"
    r"preferred|what i))"
)

_HYPERPARAMETERS = (
    r"(?:(?:the|any|my|its|better|best|good|optimal|other|more|of|these|those|your|all) ){0,4}"
    r"(?:hyper ?parameters|hyper ?params)"
)
_END_OF_THESE = rf"(?! (?:that|which|i|we|you)\b| (?:for|in|on) (?:the|its) \w+ only\b){_END}"
_TUNE = (
    r"(?:search(?:ing)?(?: (?:for|over|through))?|tun(?:e|ing)|optimi[sz](?:e|ing)|sweep(?:ing)?"
    r"(?: over)?|adjust(?:ing)?|explor(?:e|ing)|touch(?:ing)?|chang(?:e|ing)|alter(?:ing)?|"
    r"modify(?:ing)?|vary(?:ing)?)"
)
_TUNED = r"(?:tuned|optimi[sz]ed|searched|swept|adjusted|touched|changed|altered|modified|varied)"
_UNTOUCHED = (
    r"(?:alone|untouched|unchanged|fixed|constant|(?:exactly |just )?(?:as (?:they are|is|given"
    r"|set)|the same))"
)
_NO_VALUE = r"(?:no|none|nope|nil|never|0|off|false|disabled|deactivated)"
_RULED_OUT = (
    r"(?:off the table|out of the question|not on the table|not an option|ruled out|forbidden|"
    r"prohibited|banned|not allowed)"
)
_SETTINGS = (
    r"(?:(?:(?:the|these|those|this|my|our|given|default|following|same|fixed|provided|above)"
    r" ){1,4}(?:settings|hyper ?parameters|parameters|values|config\w*|defaults)|defaults)"
)

_REFUSALS = [
    re.compile(pattern)
    for name, end in ((AUTOML, _END), (_TASK, _END_OF_TASK))
    for pattern in (
        rf"\b{_SWITCH} (?:off|down) {_THE}{name}{end}",
        rf"\b{_SWITCH} {_THE}{name} (?:please |now |again )?(?:off|down)\b",
        rf"\b{_DROP} (?:with |out |about )?{_THE}{name}{end}",
        rf"\b(?:no|without|minus|sans|zero|neither) {_THE}{name}{end}",
        rf"\b(?:no|without) (?:need (?:for|of|to (?:use|run|do)|to)|{_USE}) {_THE}{name}{end}",
        rf"\b(?:not|never|nobody|no one) {_WITHIN}{_USE} (?:to )?{_THE}{name}{end}",
        rf"\b(?:not|never) (?:let|have|allow|make|get) {_THE}{name}\b",
        rf"\bagainst {_THE}{name}{end}",
        rf"\bnever mind {_THE}{name}{end}",
        rf"\b(?:rather|sooner) {_CHOSEN}than {_THE}{name}{end}",
        rf"\bspare (?:me|us) {_THE}{name}{end}",
        rf"\b{_NO_WISH} (?:{_USE} )?{_THE}{name}{end}",
        rf"\b(?:not|instead of|rather than) (?:{_USE} |with |by )?{_THE}{name}{end}",
        rf"\bprefer\w* {_CHOSEN}(?:over|to) {_THE}{name}{end}",
        rf"\brefuse to {_USE} {_THE}{name}{end}",
        rf"(?<!augmentation ){name} {_NO_VALUE}(?= (?:thanks?|thank you|thx|please)\b|[^\w]*$)",
        rf"{name} (?:is|are|stays?|remains?) (?:\w+ )?{_RULED_OUT}\b",
    )
] + [
    re.compile(pattern)
    for pattern in (
        rf"\b(?:stop|quit|ceas(?:e|ing)) {_USE} {_THE}{AUTOML}{_CEASED}",
        rf"\b(?:avoid|(?:refrain|abstain|desist) from) (?:{_USE} )?{_THE}{AUTOML}{_END}",
        rf"\b(?:opt|leave|keep|stay) (?:me )?out (?:of )?{_THE}{AUTOML}{_END}",
        rf"\b(?:leave|keep|put|set|have) {_THE}{AUTOML} (?:(?:to|switched|turned) )?"
        rf"(?:{_OFF}|out)\b",
        rf"{AUTOML} (?:{_SHOULD} )?(?:(?:turned|switched|kept|left) )?{_OFF}\b",
        rf"{AUTOML} (?:please )?(?:unused|disable)\b",
        rf"{AUTOML} (?:\w+ ){{0,2}}not (?:be )?(?:\w+ )?(?:{_NEEDED}|run|start)\b",
        rf"{AUTOML} (?:is|are|seems?|would be|will be) (?:\w+ )?{_NEEDLESS}\b",
        r"\bpolicy (?:is |to )?off\b",
        rf"\b(?:(?<!can )(?<!could )not|never|nobody|no one|without|avoid|stop|quit|no (?:need"
        rf"|reason|point) (?:to|in|of|for))"
        rf" {_WITHIN}{_TUNE} {_HYPERPARAMETERS}{_END_OF_THESE}",
        rf"\b(?:no|not|never|without) {_WITHIN}{_HYPERPARAMETERS} "
        rf"(?:to be |being |are )?{_TUNED}\b",
        rf"\bno {_TUNE} (?:of )?{_HYPERPARAMETERS}{_END_OF_THESE}",
        rf"\bno {_HYPERPARAMETERS} (?:\w+ ){{0,2}}to be {_TUNED}\b",
        rf"\b(?:leave|keep) {_THE}hyper ?param(?:eter)?s {_UNTOUCHED}\b",
        rf"\bhyper ?param(?:eter)?s (?:should|must|are to|have to|shall|can) "
        rf"(?:stay|remain|be (?:left|kept)) {_UNTOUCHED}\b",
        rf"\bhands off {_HYPERPARAMETERS}{_END_OF_THESE}",
    )
]  # fmt: skip
_ALONE = r"(?!.{0,40}\b(?:at (?:a time|once)|per|each|every|in parallel)\b)"
_PLAIN_TRAININGS = [
    re.compile(pattern)
    for pattern in (
        rf"\b{_PLAIN}(?: old)?(?: \w+)?? {_TRAINING}(?: only)?"
        rf"(?:{_END}|(?= (?:of|{_WILL_DO})\b))",
        rf"\b(?:one|just one|only one) {_TRAINING}(?: only| with {_DEFAULTS}){_END_OF_TASK}",
        rf"\btrain (?:only |just |once )?{_DEFAULTS}{_END}",
        rf"\b{_TRAINING} (?:it |this )?(?:only |just |once )?with {_DEFAULTS}(?: only)?{_END}",
        rf"\b(?:just|only) (?:\w+ ){{0,2}}?(?:one|a single) {_TRAINING}"
        rf"(?: only)?{_ALONE}{_END_OF_TASK}",
        rf"\b(?:one|single) {_TRAINING} (?:and )?nothing (?:else|more)\b",
        rf"\b(?:exactly|precisely|strictly|only) (?:with |using |use )?{_SETTINGS}{_END}",
        rf"\b(?:with|using) (?:exactly|precisely|only|just) {_SETTINGS}{_END}",
        rf"\b{_TRAINING} (?:it |this |the model )?(?:exactly|precisely|strictly) as "
        r"(?:configured|given|is|specified|set|they are|i (?:wrote|gave|set))\b",
        rf"\b{_SETTINGS} (?:and )?nothing (?:else|more)\b",
        rf"\b(?:fixed|only) (?:default )?hyper ?parameters\b{_END}",
        rf"\b(?:just|only|simply) train(?: it| this| the model| \w+)?{_END_OF_TASK}",
        r"\btrain(?: it| this| the model| \w+)? (?:plainly|plain|normally)\b",
    )
]  # fmt: skip
_SEARCHING = re.compile(r"\b(?:search|tune|optimi[sz]e|vary|sweep|explore)\b")
_SWITCHES_OFF_IT = re.compile(
    rf"^(?:(?:then|please|just|pls|simply|do) )*(?:{_SWITCH} (?:it|that|this|them) (?:off|down)"
    rf"|{_SWITCH} off (?:it|that|this)|{_DROP} (?:it|that|this)|(?:leave|keep) it (?:off|out)"
    r"|off(?: with it)?$)"
)
_IF_ON = re.compile(
    rf"\b(?:if|when|whenever|in case|should) (?:there (?:is|are|s) {_THE}(?:{AUTOML}|{SEARCH})"
    rf"|{_THE}(?:{AUTOML}|{SEARCH}) (?:is|are|be|happens? to be|was|runs?|starts?) ?"
    r"(?:(?:still|already|currently|turned|switched|somehow) )?(?:on|enabled|active|activated"
    r"|running|default|planned|configured|set)?)(?: (?:by default|already|there|now|planned"
    r"|configured"
    r"|here))?[^a-z_]*$"
)
_IS_JUDGED = re.compile(
    rf"(?:^|\b(?:no luck with|tired of|sick of|not (?:like|trust|want)|hate|about) ){_THE}{AUTOML}"
    r"(?: (?:is|was|takes?|took|costs?|does|has|did|only|just|never)\b(?! off\b)|[^a-z_]*$)"
)
_WITH_AUTOML = re.compile(
    rf"\b(?:with|use|using|run|running|enable|try|compare|by|through|via|prefer|{_SWITCH} on) "
    rf"{_THE}{AUTOML}|{AUTOML} (?:on|instead of|rather than|over|yes)\b|^{AUTOML} instead"
)


def turns_off(words: str) -> bool:
    """Whether the words of a clause turn AutoML off."""
    if any(_counts(match, words) for pattern in _REFUSALS for match in pattern.finditer(words)):
        return True
    if asks_for_automl(words) or _SEARCHING.search(words):
        return False
    return any(
        _counts(match, words) for pattern in _PLAIN_TRAININGS for match in pattern.finditer(words)
    )


def commands_off(words: str, before: str) -> bool:
    """Whether a clause refuses what the clause before it names: "if AutoML is on, turn it off"."""
    is_command = _SWITCHES_OFF_IT.search(words) is not None
    if _IF_ON.search(before):
        return is_command or turns_off(words)
    return is_command and _IS_JUDGED.search(before) is not None


def asks_for_automl(words: str) -> bool:
    """Whether the words of a clause ask for AutoML, if they do not turn it off."""
    return _WITH_AUTOML.search(words) is not None


def _counts(match: re.Match[str], words: str) -> bool:
    """Whether nothing before a match negates it, and nothing behind it refutes it."""
    before, behind = words[: match.start()], words[match.end() :]
    return not (_NEGATION.search(before) or _REFUTED.search(behind))
