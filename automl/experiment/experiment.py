"""An experiment on disk: its settings, its trials, the best of them."""

import statistics
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from automl.errors import UsageError
from automl.experiment.checksums import check_file
from automl.experiment.derived import read_derived
from automl.experiment.events import EventCheck
from automl.experiment.history import History
from automl.experiment.journal import Journal
from automl.experiment.lock import is_driven
from automl.experiment.paths import ExperimentPaths, experiment_folder
from automl.experiment.requests import HandRequest, pending
from automl.experiment.settings import Settings
from automl.files import read_yaml_mapping
from automl.formats import counted, score
from automl.schema.schema import Schema
from automl.schema.spec import flatten, with_values
from automl.space.plain_form import check_plain_keys
from automl.space.space import SearchSpace
from automl.trial.pareto import front
from automl.trial.trial import Trial, TrialState

CONTENDERS = 2


@dataclass
class Experiment:
    """An experiment as read from its folder; the driver's own grows with its journal."""

    paths: ExperimentPaths
    settings: Settings
    history: History
    importance_so_far: Mapping[str, float] = field(default_factory=dict)
    """Shares that somebody who looks on has computed; those of the end are in a file."""

    def __repr__(self) -> str:
        best = self.best
        metric = self.settings.objective.metric
        value = "" if best is None else f", best {metric} {score(self.value_of(best))}"
        trials = counted(len(self.history.trials), "trial")
        return f"Experiment({str(self.paths.root)!r}, {self.state}, {trials}{value})"

    @classmethod
    def load(cls, root: str | Path) -> Self:
        """Read a folder; raises `UsageError` if it holds no experiment, or a damaged one."""
        paths = ExperimentPaths(experiment_folder(root))
        settings = Settings.read(paths.settings)
        history = History()
        is_empty = True
        for event in Journal(paths.journal).read(event_check(settings)):
            history.apply(event)
            is_empty = False
        if is_empty:
            _check_not_lost(paths)
        history.count_running()
        return cls(paths, settings, history)

    def space(self) -> SearchSpace:
        """Return the search space, in which the values of every trial have their places.

        Raises `UsageError` as `space_of`, and for values that the driver cannot have written.
        """
        space = space_of(self.paths, self.settings)
        for trial in self.history.trials.values():
            for fault in space.misfits(trial.values):
                raise UsageError(
                    f"{self.paths.journal}: trial {trial.number}: {fault}; one of the two files "
                    f"was changed or harmed. What can be done: automl fsck {self.paths.root}"
                )
        return space

    @property
    def state(self) -> str:
        """One of running, interrupted, stopped, failed, finished."""
        if is_driven(self.paths):
            return "running"
        return self.history.closed or "interrupted"

    @property
    def best(self) -> Trial | None:
        """The trial to promote; None if no trial has a value.

        The one with the best objective or, after a confirmation, the best repeat of the contender
        whose repeats are best on average.
        """
        confirmed = self.confirmed()
        if confirmed:
            return self.history.trials[confirmed[0]["best_trial"]]
        ranked = self.contenders()
        return ranked[0] if ranked else None

    @property
    def promoted_model(self) -> Path:
        """The file of the promoted model; raises `UsageError` if there is none."""
        root = self.paths.root
        if self.promotion is None:
            way = "make one: automl promote" if self.best else "no trial has a value: automl status"
            raise UsageError(f"{root}: has no promoted model; {way} {root}")
        return Path(self.promotion["onnx"])

    def contenders(self) -> list[Trial]:
        """Return the two best trials of the search, which a confirmation repeats."""
        searched = [t for t in self.ranking() if t.confirms is None]
        return [t for t in searched if self.value_of(t) is not None][:CONTENDERS]

    def confirmed(self) -> list[dict[str, Any]]:
        """Return the contenders that were repeated, best mean first.

        Each has its trial, the mean and values of its repeats, and the best of them. Only repeats
        count: the contender itself was chosen for its high value.
        """
        rows = []
        for contender in self.contenders() if self.settings.confirm_seeds else ():
            repeats = {
                t.number: value
                for t in self.history.trials.values()
                if t.confirms == contender.number
                and t.state.is_final
                and (value := self.value_of(t)) is not None
            }
            if repeats:
                best = min(repeats, key=lambda n: self.settings.objective.loss(repeats[n]))
                rows.append(
                    {
                        "trial": contender.number,
                        "mean": statistics.fmean(repeats.values()),
                        "values": list(repeats.values()),
                        "best_trial": best,
                    }
                )
        return sorted(rows, key=lambda row: self.settings.objective.loss(row["mean"]))

    def front(self) -> list[tuple[Trial, dict[str, float]]]:
        """Return the trials that no other beats in every objective, with their objectives."""
        objectives = self.settings.objectives
        metrics: dict[int, dict[str, float]] = {}
        for trial in self.history.trials.values():
            report = trial.best_report(self.settings.objective)
            if report is not None and self.value_of(trial) is not None:
                metrics[trial.number] = {o.metric: o.measured(report.metrics) for o in objectives}
        losses = {
            n: tuple(o.loss(values[o.metric]) for o in objectives) for n, values in metrics.items()
        }
        return [(self.history.trials[n], metrics[n]) for n in front(losses)]

    def spec_of(self, trial: Trial) -> dict[str, Any]:
        """Return the whole spec of a trial."""
        values = self.settings.spec_values(trial.values)
        return with_values(self.settings.spec, {**values, **trial.adjusted})

    def end_of(self, trial: Trial) -> int:
        """Return the last epoch of a trial that trains in full."""
        return trial.shortened_to or self.settings.budget.epochs

    def value_of(self, trial: Trial) -> float | None:
        """Return a trial's best objective; a failed trial has none."""
        return trial.value(self.settings.objective)

    def epoch_of(self, trial: Trial) -> int | None:
        """Return the epoch of a trial's best objective."""
        report = trial.best_report(self.settings.objective)
        return report.epoch if report else None

    def ranking(self) -> list[Trial]:
        """Return all trials, best first; those without a value last, in order of number."""
        sign = -1.0 if self.settings.objective.mode == "max" else 1.0

        def rank(trial: Trial) -> tuple[bool, float, int]:
            value = self.value_of(trial)
            return (value is None, 0.0 if value is None else sign * value, trial.number)

        return sorted(self.history.trials.values(), key=rank)

    def to_dict(self) -> dict[str, Any]:
        """Return what ``--json`` prints."""
        best = self.best
        state = self.state
        return {
            "experiment": str(self.paths.root),
            "state": state,
            "policy": self.settings.policy,
            "route": dict(self.settings.route),
            "objective": self.settings.objective.to_dict(),
            "best": None
            if best is None
            else {
                "trial": best.number,
                "value": self.value_of(best),
                "epoch": self.epoch_of(best),
            },
            "trials": [self._trial_dict(t, state) for _, t in sorted(self.history.trials.items())],
            "promotion": self.promotion,
            "objectives": [o.to_dict() for o in self.settings.objectives],
            "pareto_front": [{"trial": t.number, **values} for t, values in self.front()],
            "confirmed": self.confirmed(),
            "importance": self.importance,
            "algorithm": self.settings.algorithm,
            "requests": [request.to_dict() for request in self.requests],
        }

    @property
    def requests(self) -> list[HandRequest]:
        """The requests by hand that the driver has not answered."""
        return [one for one in pending(self.paths) if one.id not in self.history.answered]

    @property
    def importance(self) -> dict[str, float] | None:
        """Each parameter's share of the differences in the objective; None if not computed."""
        shares = read_derived(self.paths.importance) or self.importance_so_far
        return {k: float(v) for k, v in shares.items() if isinstance(v, int | float)} or None

    @property
    def importance_intervals(self) -> dict[str, tuple[float, float]]:
        """The 90 % interval of each share of `importance`; empty before the end."""
        content = read_derived(self.paths.importance_intervals)
        return {key: (float(pair[0]), float(pair[1])) for key, pair in content.items()
                if isinstance(pair, list) and len(pair) == 2
                and all(isinstance(end, int | float) for end in pair)}  # fmt: skip

    @property
    def promotion(self) -> dict[str, Any] | None:
        """The promotion; its paths are relative to the working folder. None before."""
        promotion = self.history.promotion
        if promotion is None:
            return None
        models = {"onnx": str(self.paths.root / promotion["onnx"])}
        for name, model in promotion["parity"].items():
            if isinstance(model, dict) and "file" in model:
                models[name] = str(self.paths.promoted / model["file"])
        return {**promotion, **models}

    def shown_state(self, trial: Trial, state: str) -> str:
        """Return a trial's state to show.

        A running trial is interrupted without a driver, and until a resumed session takes it up.
        """
        is_driven = state == "running" and self.history.has_begun(trial.number)
        if trial.state is TrialState.RUNNING and not is_driven:
            return "interrupted"
        return trial.state.value

    def _trial_dict(self, trial: Trial, state: str) -> dict[str, Any]:
        failure = trial.failure
        return {
            "trial": trial.number,
            "state": self.shown_state(trial, state),
            "value": self.value_of(trial),
            "epochs": trial.epoch,
            "seconds": round(trial.seconds, 3),
            "values": trial.values,
            "adjusted": trial.adjusted,
            "costs": trial.costs,
            "parent": trial.parent,
            "confirms": trial.confirms,
            "is_added_by_hand": trial.request is not None,
            "failure": None if failure is None else failure.to_dict(),
        }


def event_check(settings: Settings, space: SearchSpace | None = None) -> EventCheck:
    """Return the check of the events of an experiment with these settings, and with this space."""
    epochs, metrics = settings.budget.epochs, settings.metrics
    if space is None:
        return EventCheck(epochs=epochs, metrics=metrics)
    return EventCheck(epochs=epochs, metrics=metrics, misfits=space.misfits)


def _check_not_lost(paths: ExperimentPaths) -> None:
    """Raise `UsageError` if there are results of which the journal knows nothing.

    A resume would start from the beginning, and remove them.
    """
    for path in results(paths):
        state = "is empty" if paths.journal.exists() else "is gone"
        raise UsageError(
            f"{paths.journal}: {state}, but there is {path}; put the journal back from a copy, or "
            "move the folder aside and start a new experiment"
        )


def results(paths: ExperimentPaths) -> Iterator[Path]:
    """Yield what trainings left in an experiment's folder."""
    yield from sorted(paths.trials.glob("*"))
    yield from (path for path in (paths.best, paths.promoted) if path.exists())


def space_of(paths: ExperimentPaths, settings: Settings) -> SearchSpace:
    """Return the search space that `plan_from_request` wrote.

    Raises `UsageError` if space.yaml was changed, makes no space, or has keys of no setting.
    """
    base = flatten(settings.spec)
    if settings.policy == "off":
        return SearchSpace({}, base)
    check_file(paths.space, settings.checksums)
    content = read_yaml_mapping(paths.space)
    if not content.keys() <= {*base, *settings.named_choices}:
        whole = {**(Schema.read(paths.schema).defaults() if paths.schema.exists() else {}), **base}
        check_plain_keys(content, [*whole, *_places(whole), *settings.named_choices])
    return SearchSpace.from_dict(content, base)


def _places(flat: Mapping[str, Any]) -> Iterator[str]:
    """Yield the keys of the items of lists, such as `scale_range.0`."""
    for key, value in flat.items():
        if isinstance(value, list):
            yield from (f"{key}.{place}" for place in range(len(value)))
