"""The words of other languages in which a search is asked for or refused, by their English ones.

Only the few words that `automl.request.phrases` reads are translated; word order stays.
"""

import re
from collections.abc import Iterator, Mapping

_TRANSLATIONS: Mapping[str, tuple[str, ...]] = {
    # Names of AutoML, and of a training without it.
    "hyperparameter search": (
        r"hyperparameter ?(?:suche|optimierung|abstimmung)",
        r"(?:recherche|optimisation|réglage)s? d(?:es |')hyper ?paramètres",
        r"(?:búsqueda|optimización|ajuste) de hiperparámetros",
        r"(?:busca|otimização|ajuste) de hiperparâmetros",
        r"(?:ricerca|ottimizzazione) (?:degli |di )?iperparametri",
        r"(?:подбор\w*|поиск\w*|оптимизаци\w+) гиперпараметров",
        r"超参(?:数)?(?:搜索|优化|调优|调整)",
        r"自动机器学习", r"ハイパーパラメータ(?:ー)?の?(?:探索|最適化|チューニング|調整)",
        r"하이퍼파라미터 ?(?:탐색|최적화|튜닝)",
    ),
    "the search": (
        r"(?:die |der )?suche", r"la recherche", r"la búsqueda", r"搜索", r"探索", r"поиска?",
    ),
    "plain training": (
        r"(?:normal|einfach|gewöhnlich|schlicht)e[sn]? training",
        r"(?:nur|normal|einfach) trainieren", r"(?:nur )?einfach trainieren",
        r"nur (?:ein )?training", r"(?:simple|seul) entra[iî]nement",
        r"entra[iî]nement (?:simple|normal|classique|direct)",
        r"entrenamiento (?:simple|normal|sencillo|directo)",
        r"(?:simplemente|solo|sólo) entrena\w*", r"treino (?:simples|normal)",
        r"addestramento (?:semplice|normale)",
        r"(?:普通|常规|直接|单次|仅|只)(?:的)?(?:训练|訓練)",
        r"(?:通常|普通|単純|単発)[のな]?(?:学習|訓練)", r"обычн\w+ (?:обучени\w+|тренировк\w+)",
        r"просто обуч\w+", r"(?:일반|그냥|단순) ?학습",
    ),
    # Denials; "unused" stands behind what it denies.
    "without": (
        r"ohne", r"sans", r"sin", r"sem", r"senza", r"без",
    ),
    "unused": (
        r"[をは]?(?:使わ|使用せ|利用せ)(?:ない|ず)\w*", r"(?:は|を)?(?:なし|無し|抜き)(?:で|に)?",
        r"は不要",
        r"(?:을|를)? ?(?:없이|없는|쓰지 ?(?:말|않)\w*|사용하지 ?(?:말|않)\w*)",
    ),
    "no": (
        r"kein(?:e[nmrs]?)?", r"pas d(?:e |')", r"aucune?", r"ningun[ao]?", r"ningún",
        r"nenhuma?", r"nessuna?",
    ),
    "not": (
        r"nicht", r"n(?:e |')", r"não", r"non(?= (?:us|disa))", r"не",
        r"(?:请)?(?:不要|不用|不必|无需|別|别|勿|不)", r"(?:지 ?(?:말|않)\w*)",
    ),
    # Verbs.
    "disable": (
        r"(?:aus|ab)(?:zu)?schalten", r"deaktivier\w*", r"abstellen", r"weglassen",
        r"überspring\w*", r"désactiv\w*", r"éteins", r"évite[rz]?", r"saute[rz]?", r"desactiv\w*",
        r"desativ\w*", r"apag(?:a|ar|ue)", r"omit(?:e|ir)", r"deslig\w*", r"disattiv\w*",
        r"disabilit\w*", r"отключ\w*", r"выключ\w*", r"пропуст\w*",
        r"(?:请)?(?:关闭|关掉|關閉|禁用|停用|跳过|取消|关(?!于))",
    ),
    "off": (
        r"aus(?=\W*$)", r"(?:を|は)?(?:オフ|無効)(?:に|で)?\w*",
        r"(?:을|를)? ?(?:끄\w*|꺼\w*|비활성화\w*)",
    ),
    "use": (
        r"(?:ver|be)?(?:nutze?n?|wenden?)", r"utilis\w+",
        r"activ\w+", r"emple\w+", r"us(?:es|ar|a|ando)",
        r"usare?", r"использ\w+", r"(?:使用|运行|启用|进行|需要|想要|打算|做|用)",
    ),
    "train": (
        r"trainier\w+", r"entra[iî]n\w+", r"entren\w+", r"trein\w+", r"addestr\w+", r"обуч\w+",
        r"(?:训练|訓練|学習(?:して)?|학습\w*)",
    ),
    "turn": (
        r"schalt(?:e|en)?", r"mach(?:e|en)?",
    ),
    "instead of": (
        r"statt", r"anstatt", r"anstelle von", r"au lieu d(?:e |')", r"en (?:vez|lugar) de",
        r"em vez de", r"invece di", r"вместо", r"而不是",
    ),
    "please": (
        r"bitte", r"s'il (?:te|vous) pla[iî]t", r"por favor", r"per favore", r"пожалуйста",
    ),
    # Questions and conditions.
    "should i": (
        r"soll(?:te|en)? (?:ich|wir|man)", r"dois[- ]je", r"faut[- ]il",
        r"¿(?! ?(?:pued|podr|podem))", r"(?:应该|要不要)",
    ),
    "why": (
        r"warum", r"wieso", r"pourquoi", r"por ?qu[ée]", r"perché", r"почему", r"为什么", r"なぜ",
    ),
    "what": (
        r"was passiert", r"que se passe", r"qué pasa", r"что будет",
    ),
    "if possible": (
        r"(?:wenn|falls) möglich", r"si possible", r"si es posible", r"se possibile",
        r"если можно", r"如果可以", r"できれば",
    ),
    "if": (
        r"^\s*falls", r"wenn", r"sofern", r"если", r"如果", r"的话",
    ),
}  # fmt: skip
"""English words by patterns of other languages; the first that fits counts."""

CJK = r"\u3040-\u30ff\u3400-\u9fff\uac00-\ud7a3"
"""Kana, Chinese characters and Hangul, in which words have no space between them."""
_QUESTION_ENDINGS = re.compile(r"(?:吗|嗎|ますか|ですか|るか|까요)\s*[?？]?\s*$")
_POLITE_ENDINGS = re.compile(
    r"(?:好吗|可以吗|行吗|(?:くれ|もらえ|いただけ|ください)ますか|주세요|주시겠어요)\s*[?？]?\s*$"
)


def _compiled() -> Iterator[tuple[re.Pattern[str], str]]:
    for english, patterns in _TRANSLATIONS.items():
        for pattern in patterns:
            if re.search(rf"[{CJK}]", pattern) or pattern.startswith(("¿", "^")):
                yield re.compile(pattern), f" {english} "
            else:
                end = "" if pattern.endswith(("')", "$)")) else r"(?!\w)"
                yield re.compile(rf"(?<!\w)(?:{pattern}){end}"), f" {english} "


_WORDS = tuple(_compiled())


def in_english(clause: str) -> str:
    """Return a clause in lower case with the words of other languages in English."""
    clause = re.sub(r"\b(n(?:e |'))(\w+) pas\b", r"not \2", clause)
    for pattern, english in _WORDS:
        clause = pattern.sub(english, clause)
    return clause


def is_question_of_its_language(sentence: str) -> bool:
    """Whether a sentence ends as a question in Chinese, Japanese or Korean, politeness aside."""
    return bool(_QUESTION_ENDINGS.search(sentence)) and not _POLITE_ENDINGS.search(sentence)
