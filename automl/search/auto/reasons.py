"""The reasons that `auto` gives for its moves and verdicts, in words."""

from automl.trial.moves import Continue, Move, Start

OPENING = "one of the space-filling first trials"
TRANSFER = "among the best on other data sets"
RANDOM = "drawn at random, to explore"
RANDOM_FIRST = "drawn at random, no trial has a value yet"
DUE = "no other trial is near its end, and one must be trained in full"
SCOUT = "whatever its loss, to learn whether the early order of trials lasts"
DEEPER = "no epoch yet at which trials differ, so some train on"
ALIKE = "no epoch yet at which trials differ, so others are tried"
LIFTED = "trials differ only from a later epoch on"
NO_VALUES = "no trial has a value yet"
DIVERGED = "diverged or without a valid objective"
NO_CHANCE = "no paused trial is likely to beat the best"
NOTHING_LEFT = "no trial is left to start or resume"


def of_candidate(unit: str) -> str:
    """Return why a new trial starts; gains are per unit, an epoch or a second."""
    return f"the highest expected gain per {unit} of all candidates"


def of_resumption(unit: str) -> str:
    """Return why a paused trial goes on."""
    return f"the highest expected gain per {unit}"


def of_pause(move: Move, unit: str) -> str:
    """Return why a trial pauses: the move that is better than more of its epochs."""
    if isinstance(move, Start):
        return f"a new trial is expected to gain more per {unit}"
    if isinstance(move, Continue):
        return f"trial {move.trial:04d} is expected to gain more per {unit}"
    return "more epochs are unlikely to beat the best trial"


def of_twin(other: int) -> str:
    """Return why a trial stops whose losses equal another's."""
    return f"repeats the curve of trial {other:04d}"
