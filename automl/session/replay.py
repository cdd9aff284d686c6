"""Brings a searcher to where it was when the journal ended."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from automl.experiment.experiment import Experiment
from automl.search.base import Searcher
from automl.session.foresight import Foresight
from automl.trial.moves import Continue, Start
from automl.trial.numbers import metrics_from_json
from automl.trial.objective import Objective, value_of
from automl.trial.trial import Outcome


def replay(
    events: Iterable[Mapping[str, Any]],
    searcher: Searcher,
    experiment: Experiment,
    foresight: Foresight | None = None,
) -> None:
    """Feed the events of a journal to a searcher, and to the foresight of a limit of time.

    It keeps no state of its own on disk. It is deterministic, so that the calls that it got before
    bring it to where it was. Repeats of the confirmation were never its trials.
    """
    objectives, trials = experiment.settings.objectives, experiment.history.trials
    for event in events:
        trial = int(event.get("trial", -1))
        if trial < 0 or trials[trial].confirms is None:
            if event["event"] == "report" and foresight is not None:
                foresight.foresee()
            _tell(searcher, event, trial, objectives)
        if foresight is not None:
            foresight.apply(event)


def _tell(
    searcher: Searcher, event: Mapping[str, Any], trial: int, objectives: Sequence[Objective]
) -> None:
    kind = event["event"]
    if kind == "start":
        parent, request = event.get("parent"), event.get("request")
        searcher.start(Start(trial, event["values"], event["epochs"], parent, request=request))
    elif kind == "continue" and not event["is_interrupted"]:
        searcher.start(Continue(trial, event["epochs"]))
    elif kind == "report":
        metrics = metrics_from_json(event["metrics"])
        searcher.report(trial, event["epoch"], value_of(objectives, metrics))
    elif kind == "finish":
        searcher.finish(trial, Outcome.from_dict(event))
