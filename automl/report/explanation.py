"""An experiment explained: why its trials ended, which parameters mattered, what to try next."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from automl.errors import UsageError, not_one_of
from automl.experiment.experiment import Experiment
from automl.experiment.next_step import next_step
from automl.formats import compact, score
from automl.report.importance import importance
from automl.schema.schema import Schema
from automl.space.domain import Range
from automl.space.space import SearchSpace
from automl.trial.trial import FailureKind, Trial, TrialState

_EDGE = 0.05
"""A best value this close to the end of its range, as a share of it, asks for a wider one."""
_FEW = 10
"""Searches of fewer trials than this have hardly begun."""
_CURES: Mapping[FailureKind, str] = {
    FailureKind.OUT_OF_MEMORY: "train smaller: a smaller batch or image, or --memory-per-trial",
    FailureKind.DIVERGED: "lower the largest learning rate that is searched, with --search",
    FailureKind.INFEASIBLE: "loosen the --constraint, or search smaller models",
    FailureKind.HUNG: "raise --hang-limit if an epoch takes that long",
    FailureKind.MACHINE: "free space on the disk, then resume",
    FailureKind.BAD_DATA: "look at the data: automl data show DIR",
}


@dataclass(frozen=True)
class Explanation:
    """Reasons by trial, importances, and advice."""

    experiment: str
    state: str
    reason: str
    """Why the last session failed or was stopped; empty otherwise."""
    trials: list[dict[str, Any]]
    """`trial`, `state`, `value`, `started`: why with these values, `ended`: why there."""
    importance: dict[str, float]
    importance_note: str
    """Why there are no importances, or how far to trust them."""
    advice: list[dict[str, str | None]]
    """`text`, and the `command` or flag that does it."""

    def to_dict(self) -> dict[str, Any]:
        """Return the plain form of ``--json``."""
        return dict(vars(self))

    def text(self) -> str:
        """Return the text for people."""
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        yield f"{self.experiment}: {self.state}" + (f": {self.reason}" if self.reason else "")
        for row in self.trials:
            value = "no value" if row["value"] is None else score(row["value"])
            yield f"  {row['trial']:04d}: {row['state']}, {value}"
            if row["started"]:
                yield f"        started: {row['started']}"
            yield f"        {row['ended']}"
        yield "importance"
        yield from (f"  {share:6.1%}  {key}" for key, share in self.importance.items())
        yield from [f"  {self.importance_note}"] if self.importance_note else []
        yield "what to try next"
        for entry in self.advice:
            yield f"  {entry['text']}" + (f": {entry['command']}" if entry["command"] else "")


def explanation(
    experiment: Experiment, space: SearchSpace, *, trial: int | None = None
) -> Explanation:
    """Explain an experiment, or one trial of it; raises `UsageError` for a trial it has not."""
    numbers = sorted(experiment.history.trials)
    if trial is not None and trial not in numbers:
        raise UsageError(not_one_of("--trial", trial, numbers))
    state = experiment.state
    shares, note = _importance(experiment, space)
    return Explanation(
        str(experiment.paths.root),
        state,
        experiment.history.closed_reason,
        [_row(experiment, n, state) for n in (numbers if trial is None else [trial])],
        shares,
        note,
        [*_advice(experiment, space, state)],
    )


def ending(experiment: Experiment, trial: Trial, state: str) -> str:
    """Return why a trial stands where it does."""
    at = f"epoch {trial.epoch} of {trial.epochs}"
    if trial.failure is not None:
        cure = _CURES.get(trial.failure.kind)
        failed = f"failed at {at} ({trial.failure.kind}): {trial.failure.message}"
        return f"{failed}; {cure}" if cure else failed
    reason = trial.reports[-1].reason if trial.reports else ""
    if trial.state is TrialState.COMPLETED:
        return f"trained all of its {trial.epochs} epochs"
    if trial.state in (TrialState.STOPPED, TrialState.PAUSED):
        return f"{trial.state} at {at}: {reason or 'the search had no more use for it'}"
    return f"{experiment.shown_state(trial, state)} at {at}"


def _row(experiment: Experiment, number: int, state: str) -> dict[str, Any]:
    trial = experiment.history.trials[number]
    return {
        "trial": number,
        "state": experiment.shown_state(trial, state),
        "value": experiment.value_of(trial),
        "started": "the defaults" if number == 0 and not trial.reason else trial.reason,
        "ended": ending(experiment, trial, state),
        "values": trial.values,
    }


def _importance(experiment: Experiment, space: SearchSpace) -> tuple[dict[str, float], str]:
    try:
        shares = experiment.importance or importance(experiment, space)
    except UsageError as error:
        return {}, str(error)
    trials = len(experiment.history.trials)
    note = f"of {trials} trials only: these shares are rough" if trials < 4 * len(shares) else ""
    return shares, note


def _advice(
    experiment: Experiment, space: SearchSpace, state: str
) -> Iterator[dict[str, str | None]]:
    root, best = experiment.paths.root, experiment.best
    if state != "finished" and (command := next_step(experiment)) is not None:
        yield {"text": "this experiment is not over", "command": command}
    kinds = [t.failure.kind for t in experiment.history.trials.values() if t.failure is not None]
    for kind in dict.fromkeys(kinds):
        if kind in _CURES:
            yield {"text": f"{kinds.count(kind)} failed ({kind}): {_CURES[kind]}", "command": None}
    if best is None or experiment.settings.policy == "off":
        return
    is_short = len(experiment.history.trials) < _FEW
    if _still_improves(experiment, best):
        epochs = f"--epochs {2 * best.epochs}"
        yield {"text": "the best trial was best at its last epoch: train longer", "command": epochs}
    # The best of a few trials may lie anywhere.
    for key, value in () if is_short else best.values.items():
        domain = space.parameters[key].domain if key in space.parameters else None
        if isinstance(domain, Range) and (end := _end_reached(domain, value)) is not None:
            text = f"{key}: the best value {compact(value)} is at the {end} end of its range"
            further = _further(experiment, key, domain, end)
            yield {
                "text": text if further is None else f"{text}; search further",
                "command": further,
            }
    if best.number == 0:
        text = "no trial beat the defaults: search longer, or elsewhere"
        yield {"text": text, "command": f"--space wide --warm-start {root}"}
    elif is_short:
        text = "few trials: search on, with what these have shown"
        yield {"text": text, "command": f"--warm-start {root}"}


def _still_improves(experiment: Experiment, best: Trial) -> bool:
    return best.epoch > 1 and experiment.epoch_of(best) == best.epoch == best.epochs


def _end_reached(domain: Range, value: Any) -> str | None:
    """Return the end of a range that a value is close to: low or high."""
    if not domain.contains(value):
        return None
    position = domain.position_of(value)
    if position <= _EDGE:
        return "low"
    return "high" if position >= 1 - _EDGE else None


def _further(experiment: Experiment, key: str, domain: Range, end: str) -> str | None:
    """Return the flag for a range that is wider at one end; None where the schema allows no more.

    On a log scale it is wider by a factor of ten, else by its own width.
    """
    path, low, high, is_low = experiment.paths.schema, domain.low, domain.high, end == "low"
    if domain.is_log:
        low, high = (low / 10, high) if is_low else (low, 10 * high)
    else:
        low, high = (2 * low - high, high) if is_low else (low, 2 * high - low)
    farthest = low if is_low else high
    schema = Schema.read(path) if path.exists() else None
    if schema is None or key not in schema.fields:
        return None
    if [*schema.value_faults(key, round(farthest) if domain.is_int else farthest)]:
        return None
    return f"--search '{key}={'log' if domain.is_log else 'uniform'}({low:g},{high:g})'"
