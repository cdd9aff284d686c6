"""The reasons that `auto` gives for its moves and verdicts, in words."""

from automl.trial.moves import Continue, Move, Start

OPENING = "one of the space-filling first trials"
RANDOM = "drawn at random, to explore"
RANDOM_FIRST = "drawn at random, no trial has a value yet"
BEST_CANDIDATE = "the highest expected gain per epoch of all candidates"
BEST_GAIN = "the highest expected gain per epoch"
DUE = "no other trial is near its end, and one must be trained in full"
DEEPER = "no epoch yet at which trials differ, so some train on"
ALIKE = "no epoch yet at which trials differ, so others are tried"
LIFTED = "trials differ only from a later epoch on"
NO_VALUES = "no trial has a value yet"
DIVERGED = "diverged or without a valid objective"
NO_CHANCE = "no paused trial is likely to beat the best"
NOTHING_LEFT = "no trial is left to start or resume"


def of_pause(move: Move) -> str:
    """Return why a trial pauses: the move that is better than more of its epochs."""
    if isinstance(move, Start):
        return "a new trial is expected to gain more per epoch"
    if isinstance(move, Continue):
        return f"trial {move.trial:04d} is expected to gain more per epoch"
    return "more epochs are unlikely to beat the best trial"


def of_twin(other: int) -> str:
    """Return why a trial stops whose losses equal another's."""
    return f"repeats the curve of trial {other:04d}"
