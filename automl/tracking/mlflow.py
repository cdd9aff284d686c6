"""Writes an experiment to MLflow: a parent run with one nested child per trial.

Metrics carry the journal's times, and everything is written so that writing it again changes
nothing: `opened` catches up with whatever is missing. Faults of MLflow are raised; `Mirror` keeps
them away from the search.
"""

import functools
import math
import time
from collections.abc import Iterable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from mlflow.entities import Metric, Run

from automl.experiment.environment import environment
from automl.experiment.experiment import Experiment
from automl.experiment.memory import peak_mb
from automl.experiment.observer import ExperimentObserver
from automl.experiment.paths import ExperimentPaths
from automl.files import write_json
from automl.machine.load import machine_metrics
from automl.skill.installed import load_skill
from automl.tracking import run_contents
from automl.tracking.address import is_server, tracking_uri
from automl.tracking.best_curve import BestCurve, Point
from automl.tracking.environment import mlflow_environment, request_timeout_s
from automl.tracking.mirror import Mirror, Store
from automl.tracking.mlflow_client import (
    MlflowRuns,
    data_inputs,
    milliseconds,
    params_from_values,
    run_name,
)
from automl.tracking.mlflow_registry import MlflowRegistry
from automl.tracking.names import ParameterNames
from automl.trial.trial import Report, Trial, TrialState

_STATUS = {
    TrialState.COMPLETED: "FINISHED",
    TrialState.STOPPED: "FINISHED",
    TrialState.FAILED: "FAILED",
}
_SYSTEM = "system/"
"""The beginning of the metrics that MLflow shows apart, as the machine's."""
_PROMOTED = ("model.onnx", "model_card.md", "parity.json")
_MORE_THAN_A_TIMEOUT_S = 2.0
"""For a server that sends its answer byte by byte, which no timeout ends."""
_END_S = 10.0
"""How long the end of a search waits for a server that answers slowly."""
_LOCAL_PATIENCE_S = 600.0
"""A database waits for no network; creating it takes minutes on a busy disk."""


def mlflow_mirror(paths: ExperimentPaths, name: str, names: ParameterNames) -> Mirror:
    """Return the mirror of an experiment in MLFLOW_TRACKING_URI, or mlflow.db beside it."""
    runs = MlflowRuns(tracking_uri(paths), name, paths)

    def client_environment() -> AbstractContextManager[None]:
        return mlflow_environment(runs.uri)

    store = Store(
        name=f"MLflow at {runs.shown_uri}",
        observer=MlflowObserver(runs, paths, names),
        registry=MlflowRegistry(runs),
        last_call=lambda: runs.last_call,
        patience_s=(
            request_timeout_s() + _MORE_THAN_A_TIMEOUT_S
            if is_server(runs.uri)
            else _LOCAL_PATIENCE_S
        ),
        environment=client_environment,
        end_s=_END_S if is_server(runs.uri) else math.inf,
    )
    return Mirror(store)


class MlflowObserver(ExperimentObserver):
    """Writes the runs of one experiment; `opened` comes first."""

    def __init__(self, runs: MlflowRuns, paths: ExperimentPaths, names: ParameterNames) -> None:
        self._runs = runs
        self._paths = paths
        self._names = names
        self._experiment: Experiment
        self._parent = ""
        self._children: dict[int, str] = {}

    def opened(self, experiment: Experiment) -> None:
        """Create or find the runs and write what the journal holds and they lack."""
        self._experiment = experiment
        runs = self._runs.runs()
        self._parent = runs[None].info.run_id if None in runs else self._create_parent()
        self._children = {
            number: run.info.run_id for number, run in runs.items() if number is not None
        }
        for trial in list(experiment.history.trials.values()):
            if not _is_complete(runs.get(trial.number), trial):
                self._catch_up(trial)
        self._best = BestCurve(experiment)
        self._runs.log(self._parent, metrics=[self._best_metric(each) for each in self._best.past])

    def started(self, trial: Trial, folder: Path) -> None:
        """Create the child run, or set the one of an earlier session to running."""
        self._best.start(trial)
        run_id = self._child(trial)
        self._runs.log(run_id, tags={"automl.state": trial.state.value})
        self._runs.client.update_run(run_id, status="RUNNING")
        self._runs.upload(run_id, folder / "spec.yaml")

    def reported(self, trial: Trial, report: Report) -> None:
        """Log an epoch on the child; on the parent the best so far, and the machine's load."""
        self._runs.log(self._child(trial), metrics=self._metrics([report]))
        epochs = self._best.epochs
        point = self._best.report(trial, report)
        metrics = [] if point is None else [self._best_metric(point)]
        if self._best.epochs > epochs:  # A call that waited says nothing of the load now.
            metrics += self._load(report.time)
        self._runs.log(self._parent, metrics=metrics)

    def finished(self, trial: Trial, folder: Path) -> None:
        """Keep the child's curves and files, and set its state."""
        run_id = self._child(trial)
        if trial.reports:
            self._runs.client.log_text(run_id, run_contents.curves(trial), "curves.csv")
        for name in ("log.txt", "environment.json"):
            self._runs.upload(run_id, folder / name)
        self._close_child(run_id, trial)

    def promoting(self, trial: Trial) -> None:
        """Set the parent's state while the best trial's model is exported and measured."""
        self._runs.log(self._parent, tags={"automl.state": "promoting"})

    def closed(self, experiment: Experiment) -> None:
        """Log the results, the page and the best values, and set the parent's state."""
        paths = self._paths
        results = (paths.leaderboard, paths.best, paths.settings, paths.space, paths.importance)
        for path in (*results, paths.report):
            self._runs.upload(self._parent, path)
        for name in _PROMOTED:
            self._runs.upload(self._parent, paths.promoted / name, paths.promoted.name)
        state = experiment.history.closed or "interrupted"
        best = experiment.best
        page = self._write_place([self._child(trial) for trial in experiment.ranking()])
        tags = {
            "automl.state": state,
            "mlflow.note.content": run_contents.note(experiment, page),
        }
        if best is not None:
            tags["automl.best_trial"] = str(best.number)
            self._crown(best)
        has_params = bool(self._runs.client.get_run(self._parent).data.params)
        if best is not None and state == "finished" and not has_params:
            self._runs.log(
                self._parent, params=params_from_values(self._names.of(best.values), "best.")
            )
        self._runs.log(self._parent, tags=tags, metrics=self._load(time.time()))
        status = {"finished": "FINISHED", "failed": "FAILED"}.get(state, "KILLED")
        self._runs.client.set_terminated(self._parent, status)

    @functools.cached_property
    def _environment(self) -> dict[str, Any]:
        return environment(load_skill(self._experiment.settings.skill).folder)

    def _create_parent(self) -> str:
        tags = run_contents.parent_tags(
            self._experiment, root=self._runs.root, environment=self._environment
        )
        run_id = self._runs.create(self._paths.root.name, tags)
        if datasets := data_inputs(self._experiment.settings.data):
            self._runs.client.log_inputs(run_id, datasets)
        return run_id

    def _child(self, trial: Trial) -> str:
        if trial.number not in self._children:
            self._children[trial.number] = self._create_child(trial)
            self._write_place(list(self._children.values()))
        return self._children[trial.number]

    def _create_child(self, trial: Trial) -> str:
        tags = run_contents.child_tags(
            self._experiment,
            trial,
            root=self._runs.root,
            environment=self._environment,
            seed_key=load_skill(self._experiment.settings.skill).info.seed_key,
        )
        tags["mlflow.parentRunId"] = self._parent
        run_id = self._runs.create(run_name(trial), tags, trial.started)
        self._runs.log(run_id, params=params_from_values(self._names.of(trial.values)))
        return run_id

    def _catch_up(self, trial: Trial) -> None:
        folder = self._paths.trial(trial.number)
        run_id = self._child(trial)
        self._runs.log(run_id, metrics=self._metrics(trial.reports))
        self._runs.upload(run_id, folder / "spec.yaml")
        if trial.state.is_final:
            self.finished(trial, folder)

    def _close_child(self, run_id: str, trial: Trial) -> None:
        objective = self._experiment.settings.objective
        best = trial.best_report(objective)
        metrics = []
        if best is not None:
            value = objective.value(best.metrics)
            at = milliseconds(best.time)
            metrics.append(Metric(f"best_{objective.metric}", value, at, best.epoch))
        peak = peak_mb(self._paths.trial(trial.number))
        if peak is not None and trial.reports:
            last = trial.reports[-1]
            at = milliseconds(last.time)
            metrics.append(Metric(f"{_SYSTEM}peak_memory_megabytes", peak, at, last.epoch))
        tags = run_contents.ended_tags(trial, self._paths.trial(trial.number))
        self._runs.log(run_id, metrics=metrics, tags=tags)
        if trial.state in _STATUS:
            end = milliseconds(trial.started + trial.seconds)
            self._runs.client.set_terminated(run_id, _STATUS[trial.state], end)

    def _crown(self, best: Trial) -> None:
        """Mark the best child alone, with samples of its model's predictions if there are some."""
        run_id = self._child(best)
        for other in self._runs.runs().values():
            if other.info.run_id != run_id and "automl.rank" in other.data.tags:
                self._runs.client.delete_tag(other.info.run_id, "automl.rank")
        self._runs.log(run_id, tags={"automl.rank": "best"})
        for picture in run_contents.pictures(self._paths.promoted):
            self._runs.upload(run_id, picture, "samples")

    def _write_place(self, children: list[str]) -> str:
        """Write down where MLflow has the experiment; return the page of its comparison."""
        page = run_contents.compare_page(self._runs.experiment_id, children)
        place = {
            "store": self._runs.shown_uri,
            "experiment_id": self._runs.experiment_id,
            "run_id": self._parent,
            "compare": page,
        }
        write_json(self._paths.mlflow, place)
        return page

    def _best_metric(self, point: Point) -> Metric:
        """Return the best so far, its step the epochs of the search: it never falls."""
        value, epochs, at = point
        name = f"best_{self._experiment.settings.objective.metric}"
        return Metric(name, value, milliseconds(at), epochs)

    def _load(self, at: float) -> list[Metric]:
        """Return the load of this machine, which drives the search."""
        return [
            Metric(f"{_SYSTEM}{name}", value, milliseconds(at), self._best.epochs)
            for name, value in machine_metrics().items()
        ]

    def _metrics(self, reports: Iterable[Report]) -> list[Metric]:
        """Return the metrics of reports, the objective first: MLflow draws the first it finds."""
        first = self._experiment.settings.objective.metric
        return [
            Metric(
                run_contents.safe_name(key),
                report.metrics[key],
                milliseconds(report.time),
                report.epoch,
            )
            for report in reports
            for key in sorted(report.metrics, key=lambda name: name != first)
        ]


def _is_complete(run: Run | None, trial: Trial) -> bool:
    """Whether a run holds all there will ever be of a trial."""
    return (
        run is not None
        and run.info.status in ("FINISHED", "FAILED")
        and run.data.tags.get("automl.state") == trial.state.value
        and trial.state.is_final
    )
