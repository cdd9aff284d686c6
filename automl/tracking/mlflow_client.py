"""One MLflow store: its client, made on first use, and the runs of one experiment in it."""

import functools
import json
import logging
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from mlflow.entities import Dataset, DatasetInput, InputTag, Metric, Param, Run, RunTag
from mlflow.tracking import MlflowClient

from automl.experiment.paths import ExperimentPaths
from automl.redact import without_user
from automl.tracking.address import check_database, creating, database_from_uri
from automl.trial.trial import Trial

_DIGEST = 36
"""Characters of a data set's digest that MLflow's databases hold."""
_PAGE = 1000
"""Runs that one request asks for, and metrics that one request may log."""


class MlflowRuns:
    """The runs of one experiment's folder, which are found again by their tags."""

    def __init__(self, uri: str, name: str, paths: ExperimentPaths) -> None:
        self.uri = uri
        self.name = name
        self.shown_uri = without_user(uri).rstrip("/")
        self.root = str(paths.root.resolve())
        self.last_call = time.monotonic()
        self._artifacts = paths.root.resolve().parent / "mlartifacts"

    @property
    def client(self) -> MlflowClient:
        """The store's client; fetch it for each call, so that `last_call` is right."""
        self.last_call = time.monotonic()
        return self._client

    @functools.cached_property
    def _client(self) -> MlflowClient:
        # Its notes on creating a database are no news to a user.
        for library in ("mlflow", "alembic"):
            logging.getLogger(library).setLevel(logging.WARNING)
        if (database := database_from_uri(self.uri)) is None:
            return MlflowClient(tracking_uri=self.uri)
        with creating(database):
            check_database(database)
            client = MlflowClient(tracking_uri=self.uri)
            client.search_experiments(max_results=1)  # The first call creates the tables.
        return client

    @functools.cached_property
    def experiment_id(self) -> str:
        """The MLflow experiment of the skill; created if there is none."""
        existing = self.client.get_experiment_by_name(self.name)
        if existing is not None:
            return str(existing.experiment_id)
        is_local = database_from_uri(self.uri) is not None
        created = self.client.create_experiment(
            self.name,
            artifact_location=self._artifacts.as_uri() if is_local else None,
            # Without it MLflow opens the experiment as one of generative AI.
            tags={"mlflow.experimentKind": "custom_model_development"},
        )
        return str(created)

    def runs(self) -> dict[int | None, Run]:
        """Return the experiment's runs by trial, its own run under None; the oldest of each."""
        runs: dict[int | None, Run] = {}
        for run in self._pages():
            number = run.data.tags.get("automl.trial")
            runs.setdefault(None if number is None else int(number), run)
        return runs

    def _pages(self) -> Iterator[Run]:
        token = None
        while True:
            page = self.client.search_runs(
                [self.experiment_id], _is_of(self.root), max_results=_PAGE,
                order_by=["attributes.start_time ASC"], page_token=token,
            )  # fmt: skip
            yield from page
            token = page.token
            if not token:
                return

    def create(self, name: str, tags: dict[str, str], start: float | None = None) -> str:
        """Create a run that started at a time, in seconds since 1970; return its id."""
        run = self.client.create_run(
            self.experiment_id,
            start_time=None if start is None else milliseconds(start),
            tags=tags,
            run_name=name,
        )
        return str(run.info.run_id)

    def log(
        self,
        run_id: str,
        *,
        metrics: list[Metric] | None = None,
        params: list[Param] | None = None,
        tags: dict[str, str] | None = None,
    ) -> None:
        """Log to a run in as few requests as MLflow allows."""
        run_tags = [RunTag(key, text) for key, text in (tags or {}).items()]
        metrics = metrics or []
        self.client.log_batch(run_id, metrics[:_PAGE], params or [], run_tags)
        for begin in range(_PAGE, len(metrics), _PAGE):
            self.client.log_batch(run_id, metrics[begin : begin + _PAGE])

    def upload(self, run_id: str, path: Path, folder: str | None = None) -> None:
        """Upload a file or a folder to a run if it exists; a pipe would be waited for."""
        if path.is_file() or path.is_dir():
            self.client.log_artifact(run_id, str(path), folder)


def params_from_values(values: dict[str, Any], prefix: str = "") -> list[Param]:
    """Return values by name as MLflow's parameters."""
    return [Param(prefix + key, str(value)) for key, value in values.items()]


def data_inputs(data: Mapping[str, Any]) -> list[DatasetInput]:
    """Return what MLflow shows as a run's data sets: each split with its size and fingerprint."""
    digest = str(data.get("fingerprint", ""))[:_DIGEST]
    return [
        DatasetInput(
            Dataset(split, digest, "local", "{}", profile=json.dumps({"num_rows": count})),
            [InputTag("mlflow.data.context", split)],
        )
        for split, count in data.items()
        if digest and isinstance(count, int) and not isinstance(count, bool)
    ]


def milliseconds(seconds: float) -> int:
    """Return a time as MLflow counts it."""
    return int(seconds * 1000)


def run_name(trial: Trial) -> str:
    """Return the name of a trial's run."""
    return f"trial-{trial.number:04d}"


def _is_of(root: str) -> str:
    """Return the filter for the runs of an experiment's folder."""
    # MLflow knows no escapes, but two kinds of quotes.
    quote = '"' if "'" in root else "'"
    return f"tags.`automl.experiment` = {quote}{root}{quote}"
