"""The command that helps next with an experiment."""

import shlex

from automl.experiment.experiment import Experiment
from automl.trial.epochs import EpochCounter


def next_step(experiment: Experiment) -> str | None:
    """Return the command that takes an experiment further; None if only a new run can."""
    root, state = shlex.quote(str(experiment.paths.root)), experiment.state
    if state == "running":
        return f"automl status {root} --watch"
    if state == "finished":
        report = experiment.paths.report
        return f"open {report} in a browser" if report.exists() else f"automl report {root}"
    if state == "failed" and experiment.best is None and not _has_budget(experiment):
        return None
    is_refused = experiment.paths.rejected.exists() and experiment.promotion is None
    if state == "failed" and experiment.best is not None and is_refused:
        return f"automl promote {root}"
    return f"automl resume {root}"


def _has_budget(experiment: Experiment) -> bool:
    """Whether a resume could start another trial."""
    budget, history = experiment.settings.budget, experiment.history
    counter = EpochCounter()
    for trial in history.trials.values():
        counter.start(trial.number, trial.parent)
        for report in trial.reports:
            counter.report(trial.number, report.epoch)
    return (
        len(history.trials) < budget.trials + history.added
        and (budget.budget_epochs is None or counter.spent < budget.budget_epochs)
        and (budget.time_s is None or history.driven_s < budget.time_s)
    )
