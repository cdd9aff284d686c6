"""Mirrors an experiment to MLflow: a parent run with one nested child per trial.

Runs are found again by their tags, and metrics carry the journal's times, so that a session
may mirror what an earlier one already did. A fault of MLflow is told once and harms nothing.
"""

import functools
import json
import logging
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Concatenate, ParamSpec

from automl.tracking.address import tracking_uri, without_password

# MLflow reads these when it is imported.
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
# A run that the caller's shell has open must not become ours (mlflow#15713).
os.environ.pop("MLFLOW_RUN_ID", None)

import mlflow
import mlflow.onnx
import onnx
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from mlflow.entities import Metric, Param, Run, RunTag
from mlflow.tracking import MlflowClient

from automl.experiment.environment import environment
from automl.experiment.experiment import Experiment
from automl.experiment.observer import Tracker
from automl.experiment.paths import ExperimentPaths
from automl.files import write_json
from automl.skill.installed import load_skill
from automl.tracking import mlflow_runs as told
from automl.tracking.registry import CHAMPION, Standing, alias_of
from automl.trial.objective import Objective
from automl.trial.trial import Report, Trial, TrialState

# Its notes on making a database are no news to a user.
logging.getLogger("mlflow").setLevel(logging.WARNING)
logging.getLogger("alembic").setLevel(logging.WARNING)

_STATUS = {
    TrialState.COMPLETED: "FINISHED",
    TrialState.STOPPED: "FINISHED",
    TrialState.FAILED: "FAILED",
}

P = ParamSpec("P")


def _mirrored(
    step: Callable[Concatenate[Any, P], None],
) -> Callable[Concatenate[Any, P], None]:
    """Tell a fault of MLflow once instead of raising it: the journal is the truth."""

    @functools.wraps(step)
    def guarded(self: "MlflowTracker", *args: P.args, **kwargs: P.kwargs) -> None:
        try:
            step(self, *args, **kwargs)
        except Exception as error:  # Whatever the store or the network does.
            self.warn(error)

    return guarded  # type: ignore[return-value]


class MlflowTracker(Tracker):
    """Writes to MLFLOW_TRACKING_URI, or to mlflow.db beside the experiment."""

    def __init__(self, paths: ExperimentPaths, name: str, objective: Objective) -> None:
        self.uri = tracking_uri(paths)
        self._paths = paths
        self._name = name
        self._objective = objective
        self._experiment_id = ""
        self._parent = ""
        self._children: dict[int, str] = {}
        self._experiment: Experiment | None = None
        self._best: float | None = None
        self._has_warned = False

    def warn(self, error: Exception) -> None:
        """Say on stderr that the mirror is behind; only the first time."""
        if not self._has_warned:
            self._has_warned = True
            shown = without_password(self.uri)
            text = " ".join(str(error).replace(self.uri, shown).split())[:300]
            print(
                f"warning: MLflow at {shown} does not take everything ({text}); "
                "the experiment goes on, its journal has it all",
                file=sys.stderr,
            )

    @functools.cached_property
    def _client(self) -> MlflowClient:
        """The store's client; made on first use, for a store may not answer."""
        return MlflowClient(tracking_uri=self.uri)

    @_mirrored
    def opened(self, experiment: Experiment) -> None:
        """Create or find the parent run and mirror what the journal already holds."""
        self._experiment = experiment
        self._experiment_id = self._find_experiment()
        found = self._find_run(trial=None)
        if found is None:
            skill = load_skill(experiment.settings.skill)
            tags = told.parent_tags(
                experiment, root=self._root, environment=environment(skill.folder)
            )
            found = self._create(self._paths.root.name, tags)
        self._parent = found
        for trial in experiment.ledger.trials.values():
            self._catch_up(trial)

    @_mirrored
    def started(self, trial: Trial, folder: Path) -> None:
        """Create the child run, or set the one of an earlier session to running."""
        run_id = self._child(trial)
        self._client.set_tag(run_id, "automl.state", trial.state.value)
        self._client.update_run(run_id, status="RUNNING")
        if (folder / "spec.yaml").exists():
            self._client.log_artifact(run_id, str(folder / "spec.yaml"))

    @_mirrored
    def reported(self, trial: Trial, report: Report) -> None:
        """Log an epoch on the child and the best so far on the parent."""
        self._client.log_batch(self._child(trial), metrics=self._metrics([report]))
        value = self._objective.value(report.metrics)
        if self._best is None or self._objective.is_better(value, self._best):
            self._best = value
            metric = Metric(f"best_{self._objective.metric}", value, _ms(report.time), trial.number)
            self._client.log_batch(self._parent, metrics=[metric])

    @_mirrored
    def finished(self, trial: Trial, folder: Path) -> None:
        """Set the child's state and fate, and keep its curves and its log."""
        run_id = self._child(trial)
        self._close_child(run_id, trial)
        self._keep_files(run_id, trial, folder)

    def _keep_files(self, run_id: str, trial: Trial, folder: Path) -> None:
        if trial.reports:
            self._client.log_text(run_id, told.curves(trial), "curves.csv")
        for name in ("log.txt", "environment.json"):
            if (folder / name).exists():
                self._client.log_artifact(run_id, str(folder / name))

    @_mirrored
    def promoting(self, trial: Trial) -> None:
        """Set the parent's state for as long as the best trial's model is exported and measured."""
        self._client.set_tag(self._parent, "automl.state", "promoting")

    def promoted(self, experiment: Experiment, model: Path) -> dict[str, Any]:
        """Register the ONNX model as champion or challenger; raises nothing, says what it did."""
        try:
            version = self._register(model)
            return self._ranked(version, _standing(experiment, self._root))
        except Exception as error:  # Whatever the store or the network does.
            self.warn(error)
            return {}

    @_mirrored
    def closed(self, experiment: Experiment) -> None:
        """Log the results, the page and the best values, and set the parent's state."""
        paths = self._paths
        results = (paths.leaderboard, paths.best, paths.settings, paths.space, paths.importance)
        for path in (*results, paths.report):
            if path.exists():
                self._client.log_artifact(self._parent, str(path))
        state = experiment.ledger.closed or "interrupted"
        best = experiment.best
        params = [] if best is None else _params(best.values, prefix="best.")
        page = self._tell_where([self._child(trial) for trial in experiment.ranking()])
        tags = [RunTag("automl.state", state),
                RunTag("mlflow.note.content", told.note(experiment, page))]  # fmt: skip
        if best is not None:
            tags.append(RunTag("automl.best_trial", str(best.number)))
            self._crown(best)
        if state == "finished" and not self._has_params(self._parent):
            self._client.log_batch(self._parent, params=params)
        self._client.log_batch(self._parent, tags=tags)
        status = {"finished": "FINISHED", "failed": "FAILED"}.get(state, "KILLED")
        self._client.set_terminated(self._parent, status)

    def _tell_where(self, children: list[str]) -> str:
        """Write down where MLflow has the experiment; return the page of its comparison."""
        page = told.compare_page(self._experiment_id, children)
        where = {
            "store": without_password(self.uri).rstrip("/"),
            "experiment_id": self._experiment_id,
            "run_id": self._parent,
            "compare": page,
        }
        write_json(self._paths.mlflow, where)
        return page

    def _crown(self, best: Trial) -> None:
        """Mark the best child, with samples of what its model predicts where there are some."""
        run_id = self._child(best)
        self._client.set_tag(run_id, "automl.fate", told.fate(best, best))
        for picture in told.pictures(self._paths.promoted):
            self._client.log_artifact(run_id, str(picture), "samples")

    @property
    def _root(self) -> str:
        return str(self._paths.root.resolve())

    def _find_experiment(self) -> str:
        known = self._client.get_experiment_by_name(self._name)
        if known is not None:
            return str(known.experiment_id)
        location = None
        if self.uri.startswith("sqlite:///"):
            location = (self._paths.root.parent / "mlartifacts").resolve().as_uri()
        return str(self._client.create_experiment(self._name, artifact_location=location))

    def _find_run(self, trial: int | None) -> str | None:
        clauses = [_is_of(self._root)]
        if trial is not None:
            clauses.append(f"tags.`automl.trial` = '{trial}'")
        found: Iterable[Run] = self._client.search_runs(
            [self._experiment_id], " and ".join(clauses), order_by=["attributes.start_time ASC"]
        )
        for run in found:
            if ("automl.trial" in run.data.tags) == (trial is not None):
                return str(run.info.run_id)
        return None

    def _create(self, name: str, tags: dict[str, str], start: float | None = None) -> str:
        run = self._client.create_run(
            self._experiment_id,
            start_time=None if start is None else _ms(start),
            tags=tags,
            run_name=name,
        )
        return str(run.info.run_id)

    def _child(self, trial: Trial) -> str:
        run_id = self._children.get(trial.number)
        if run_id is None:
            run_id = self._find_run(trial.number) or self._create_child(trial)
            self._children[trial.number] = run_id
            self._tell_where(list(self._children.values()))
        return run_id

    def _create_child(self, trial: Trial) -> str:
        assert self._experiment is not None
        skill = load_skill(self._experiment.settings.skill)
        tags = told.child_tags(
            self._experiment,
            trial,
            root=self._root,
            environment=environment(skill.folder),
            seed_key=skill.info.seed_key,
        )
        tags["mlflow.parentRunId"] = self._parent
        run_id = self._create(f"trial-{trial.number:04d}", tags, trial.started)
        self._client.log_batch(run_id, params=_params(trial.values))
        return run_id

    def _catch_up(self, trial: Trial) -> None:
        is_known = self._find_run(trial.number) is not None
        run_id = self._child(trial)
        for chunk in told.chunks(self._metrics(trial.reports), 1000):
            self._client.log_batch(run_id, metrics=chunk)
        values = [self._objective.value(r.metrics) for r in trial.reports]
        self._best = self._objective.best([*values, float("nan") if self._best is None
                                           else self._best])  # fmt: skip
        if trial.state.is_final:
            self._close_child(run_id, trial)
            if not is_known:
                self._keep_files(run_id, trial, self._paths.trial(trial.number))

    def _close_child(self, run_id: str, trial: Trial) -> None:
        tags = told.ended_tags(trial, self._paths.trial(trial.number))
        best = trial.best_report(self._objective)
        metrics = []
        if best is not None:
            value = self._objective.value(best.metrics)
            metrics.append(
                Metric(f"best_{self._objective.metric}", value, _ms(best.time), best.epoch)
            )
        self._client.log_batch(
            run_id, metrics=metrics, tags=[RunTag(key, text) for key, text in tags.items()]
        )
        if trial.state in _STATUS:
            end = _ms(trial.started + trial.seconds)
            self._client.set_terminated(run_id, _STATUS[trial.state], end)

    def _metrics(self, reports: Iterable[Report]) -> list[Metric]:
        """Return the metrics of reports, the objective first: MLflow draws the first it finds."""
        first = self._objective.metric
        return [
            Metric(told.safe_name(key), report.metrics[key], _ms(report.time), report.epoch)
            for report in reports
            for key in sorted(report.metrics, key=lambda name: name != first)
        ]

    def _has_params(self, run_id: str) -> bool:
        return bool(self._client.get_run(run_id).data.params)

    def _register(self, model: Path) -> str:
        """Return the version of the model in the registry."""
        try:
            graph = onnx.load(str(model))
        except DecodeError:  # Encrypted: only the skill can open it.
            return self._register_file(model)
        # Only MLflow's fluent calls package a model, and they go to the process's address.
        with _address_of_process(self.uri), mlflow.start_run(run_id=self._parent):
            logged = mlflow.onnx.log_model(
                graph,
                name="model",
                registered_model_name=self._name,
                # Working them out costs 15 s; these two are what running the model takes.
                pip_requirements=["onnx", "onnxruntime"],
            )
        return str(logged.registered_model_version)

    def _register_file(self, model: Path) -> str:
        """Register a file as it is, without MLflow's package around it."""
        self._client.log_artifact(self._parent, str(model), "model")
        source = f"{self._client.get_run(self._parent).info.artifact_uri}/model"
        if not self._client.search_registered_models(f"name = '{self._name}'"):
            self._client.create_registered_model(self._name)
        made = self._client.create_model_version(self._name, source, self._parent)
        return str(made.version)

    def _ranked(self, version: str, new: Standing) -> dict[str, Any]:
        """Give a version its alias: it has to beat the champion on the same data."""
        for key, value in new.to_tags().items():
            self._client.set_model_version_tag(self._name, version, key, value)
        aliases = self._client.get_registered_model(self._name).aliases
        before, champion = str(aliases.get(CHAMPION, "")), None
        if before:
            champion = Standing.from_tags(
                self._client.get_model_version(self._name, before).tags or {}
            )
        alias, why = alias_of(new, champion, version=before)
        self._client.set_registered_model_alias(self._name, alias, version)
        return {"name": self._name, "version": version, "alias": alias, "why": why}


def _standing(experiment: Experiment, root: str) -> Standing:
    """Return what the proof of a promotion says of its model."""
    parity = json.loads((experiment.paths.promoted / "parity.json").read_text())
    return Standing(
        metric=parity["metric"],
        mode=experiment.settings.objective.mode,
        value=repr(parity["onnx"]),
        data_fingerprint=str(experiment.settings.data.get("fingerprint", "")),
        experiment=root,
        trial=str(parity["trial"]),
    )


@contextmanager
def _address_of_process(uri: str) -> Iterator[None]:
    before = os.environ.get("MLFLOW_TRACKING_URI")
    os.environ["MLFLOW_TRACKING_URI"] = uri
    try:
        yield
    finally:
        if before is None:
            del os.environ["MLFLOW_TRACKING_URI"]
        else:
            os.environ["MLFLOW_TRACKING_URI"] = before


def _is_of(root: str) -> str:
    """Return the filter for the runs of an experiment's folder."""
    # MLflow knows no escapes, but two kinds of quotes.
    quote = '"' if "'" in root else "'"
    return f"tags.`automl.experiment` = {quote}{root}{quote}"


def _params(values: dict[str, Any], prefix: str = "") -> list[Param]:
    return [Param(prefix + key, str(value)) for key, value in values.items()]


def _ms(seconds: float) -> int:
    return int(seconds * 1000)
