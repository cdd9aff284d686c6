"""Ends a search whose first trials all fail: they share a cause."""

from automl.errors import RunFailed
from automl.experiment.experiment import Experiment
from automl.formats import counted
from automl.trial.trial import FailureKind

FAILURES = 3
INFEASIBLE = 50
"""Trials that break a constraint before their launch cost next to nothing."""


class GivingUp:
    """Counts the failures of this session; earlier ones may have had a cause that was fixed."""

    def __init__(self, experiment: Experiment) -> None:
        self._experiment = experiment
        trials = experiment.history.trials.values()
        self._ended_before = {t.number for t in trials if t.state.is_final}

    def check(self) -> None:
        """Raise `RunFailed` if all trials of this session failed, and they are enough."""
        trials = self._experiment.history.trials.values()
        ended = [t for t in trials if t.state.is_final and t.number not in self._ended_before]
        failed = [t.failure.kind for t in ended if t.failure is not None]
        if len(failed) < len(ended) or self._experiment.best is not None:
            return
        infeasible = failed.count(FailureKind.INFEASIBLE)
        if len(failed) - infeasible >= FAILURES or infeasible >= INFEASIBLE:
            raise RunFailed(*failure_summary(self._experiment))


def failure_summary(experiment: Experiment) -> list[str]:
    """Return lines that say why no trial has a value, one per cause."""
    causes: dict[tuple[str, str], list[int]] = {}
    for trial in experiment.history.trials.values():
        if trial.failure is not None:
            cause = (trial.failure.kind.value, trial.failure.message)
            causes.setdefault(cause, []).append(trial.number)
    limits = experiment.settings.objective.constraints
    if not causes and limits:
        return [f"no trial has a value within {', '.join(map(str, limits))}; widen the constraints"]
    if not causes:
        return [
            "the budget was spent before a trial finished its first epoch; give a longer --time, "
            "or make an epoch shorter: a smaller model, smaller inputs"
        ]
    lines = [f"{counted(sum(map(len, causes.values())), 'trial')} failed and none has a result"]
    for (kind, message), numbers in causes.items():
        named = ", ".join(f"{n:04d}" for n in numbers[:5])
        log = experiment.paths.trial(numbers[0]) / "log.txt"
        lines.append(f"{kind}: {message} (trials {named}; log: {log})")
    return lines
