"""Registers promoted models in MLflow: one version for each model, whatever breaks off."""

import functools
import hashlib
import json
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import mlflow
import mlflow.onnx
import onnx
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from mlflow.models import ModelSignature
from mlflow.models.model import ModelInfo
from mlflow.types.schema import AnyType, ColSpec, Schema

from automl.experiment.experiment import Experiment
from automl.tracking.comparison import compared
from automl.tracking.environment import fluent_environment
from automl.tracking.mlflow_client import MlflowRuns
from automl.tracking.registry import (
    CHAMPION,
    REPLACES,
    RegisteredModel,
    Registry,
    Standing,
    alias_of,
)

_DIGEST = "automl.sha256"
PROGRAM = "mlflow_model.py"
"""A program beside the promoted model, as which MLflow packages it; a skill may write one."""
_LONGEST = 5000
"""Characters of a description that MLflow's databases hold."""
_ANYTHING = Schema([ColSpec(AnyType())])  # type: ignore[no-untyped-call]


class MlflowRegistry(Registry):
    """Registers the ONNX model of an experiment as champion or challenger."""

    def __init__(self, runs: MlflowRuns) -> None:
        self._runs = runs

    def register(
        self, experiment: Experiment, model: Path, *, bar: str = "", counts: Path | None = None
    ) -> RegisteredModel:
        """Return the model's version, the one that is there if it was registered before."""
        digest = _digest(model)
        place = "" if counts is None else self._keep(counts, f"{counts.stem}/{digest[:12]}")
        standing = replace(_standing(experiment, self._runs.root), image_counts=place)
        tags = {**standing.to_tags(), _DIGEST: digest}
        # Packaging a model and resolving its address go to the store of the process.
        with fluent_environment(self._runs.uri):
            version = self._find_version(tags) or self._create_version(model, tags)
            self._describe(version, model.with_name("model_card.md"))
        return self._rank(version, standing, bar)

    def _keep(self, file: Path, folder: str) -> str:
        """Upload a file beside the model; return its place among the run's artifacts."""
        self._runs.client.log_artifact(self._parent, str(file), folder)
        return f"{folder}/{file.name}"

    def _find_version(self, tags: dict[str, str]) -> str | None:
        identity = ("automl.experiment", "automl.trial", _DIGEST)
        for version in self._runs.client.search_model_versions(f"name = '{self._runs.name}'"):
            if all(version.tags.get(name) == tags[name] for name in identity):
                return str(version.version)
        return None

    def _create_version(self, model: Path, tags: dict[str, str]) -> str:
        """Create a version with its tags in one call, so that none is without them."""
        source, model_id = self._upload(model)
        name = self._runs.name
        if not self._runs.client.search_registered_models(f"name = '{name}'"):
            self._runs.client.create_registered_model(name)
        version = self._runs.client.create_model_version(
            name, source, self._parent, tags=tags, model_id=model_id
        )
        return str(version.version)

    def _upload(self, model: Path) -> tuple[str, str | None]:
        """Return the address of the uploaded model, and its id if MLflow could package it."""
        try:
            graph = onnx.load(str(model))
        except DecodeError:  # Encrypted: only the skill can open it.
            self._runs.client.log_artifact(self._parent, str(model), "model")
            run = self._runs.client.get_run(self._parent)
            return f"{run.info.artifact_uri}/model", None
        program = model.with_name(PROGRAM)
        with mlflow.start_run(run_id=self._parent), warnings.catch_warnings(), _no_bytecode():
            warnings.simplefilter("ignore")  # MLflow's own, of its annotations.
            logged = _log_program(program, model) if program.exists() else _log_graph(graph)
        return logged.model_uri, logged.model_id

    @functools.cached_property
    def _parent(self) -> str:
        return str(self._runs.runs()[None].info.run_id)

    def _describe(self, version: str, card: Path) -> None:
        """Show the model card on the page of a version, without the training's settings."""
        if card.exists():
            text = card.read_text(encoding="utf-8").partition("## Training settings")[0]
            self._runs.client.update_model_version(self._runs.name, version, _cut(text))

    def _rank(self, version: str, standing: Standing, bar: str) -> RegisteredModel:
        """Give a version its alias: it has to beat the champion on the same data."""
        client, name = self._runs.client, self._runs.name
        for key, value in standing.to_tags().items():
            client.set_model_version_tag(name, version, key, value)
        champion, best = str(client.get_registered_model(name).aliases.get(CHAMPION, "")), None
        if champion:
            best = Standing.from_tags(client.get_model_version(name, champion).tags or {})
        alias, why = alias_of(
            standing,
            best,
            version=champion,
            is_same=champion == version,
            bar=bar,
            compare=lambda: compared(client, name, champion, version),
        )
        if alias == CHAMPION and champion not in ("", version):
            client.set_model_version_tag(name, version, REPLACES, champion)
        client.set_registered_model_alias(name, alias, version)
        return RegisteredModel(name, version, alias, why)


@contextmanager
def _no_bytecode() -> Iterator[None]:
    """Let Python write no __pycache__ beside a promoted program that MLflow imports."""
    before, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    try:
        yield
    finally:
        sys.dont_write_bytecode = before


def _cut(text: str) -> str:
    """Return as many whole lines as a description may have."""
    return text if len(text) <= _LONGEST else text[:_LONGEST].rpartition("\n")[0]


def _log_graph(graph: onnx.ModelProto) -> ModelInfo:
    logged: ModelInfo = mlflow.onnx.log_model(
        graph,
        name="model",
        # Working them out costs 15 s; these two are what running the model takes.
        pip_requirements=["onnx", "onnxruntime"],
    )
    return logged


def _log_program(program: Path, model: Path) -> ModelInfo:
    logged: ModelInfo = mlflow.pyfunc.log_model(name="model", **package_of(program, model))
    return logged


def package_of(program: Path, model: Path) -> dict[str, Any]:
    """Return how MLflow packages a skill's own program, as arguments.

    The program finds the model and its other programs as artifacts.
    """
    others = {path.stem: str(path) for path in model.parent.glob("*.py") if path != program}
    example = model.with_name("input_example.json")
    return {
        "python_model": str(program),
        "artifacts": {**others, "model": str(model)},
        "pip_requirements": str(model.with_name("requirements.txt")),
        # A picture comes in many forms, and a result has several parts.
        "signature": ModelSignature(_ANYTHING, _ANYTHING),
        "input_example": (
            json.loads(example.read_text(encoding="utf-8")) if example.exists() else None
        ),
    }


def _standing(experiment: Experiment, root: str) -> Standing:
    """Return what the proof of a promotion says of its model."""
    parity: dict[str, Any] = json.loads((experiment.paths.promoted / "parity.json").read_text())
    return Standing(
        metric=parity["metric"],
        mode=experiment.settings.objective.mode,
        value=repr(parity["onnx"]),
        data_fingerprint=str(experiment.settings.data.get("fingerprint", "")),
        experiment=root,
        trial=str(parity["trial"]),
        skill=experiment.settings.skill,
    )


def _digest(model: Path) -> str:
    with model.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
