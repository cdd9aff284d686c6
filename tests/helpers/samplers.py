"""Drives a proposer alone, without a searcher and a rule: each suggestion is trained at once."""

from automl.space.space import Parameter, SearchSpace
from automl.trial.trial import Failure, FailureKind, Outcome, TrialState

COMPLETED = Outcome(TrialState.COMPLETED)
CRASHED = Outcome(TrialState.FAILED, Failure(FailureKind.CRASHED, "broke"))
SPACE = SearchSpace(
    {
        "x": Parameter("x", "float", 0.5, low=0.0, high=1.0),
        "n": Parameter("n", "int", 2, low=1, high=4),
        "c": Parameter("c", "categorical", "a", choices=("a", "b")),
    },
    {},
)


def loss_of(values):
    """Return a loss that is least at x = .8 and choice b."""
    return abs(values["x"] - 0.8) + 0.3 * (values["c"] == "a")


def tried(proposer, count, *, first=0, loss=loss_of):
    """Return the suggestions of so many trials, each reported at one epoch and completed."""
    suggestions = []
    for trial in range(first, first + count):
        values = proposer.suggest(trial)
        if values is None:
            break
        suggestions.append(values)
        proposer.start(trial, values)
        proposer.report(trial, 1, (loss(values),))
        proposer.finish(trial, COMPLETED)
    return suggestions


def mean_loss(suggestions):
    """Return the mean loss of suggestions."""
    return sum(map(loss_of, suggestions)) / len(suggestions)
