"""Registering in a real store, broken off at every call."""

import pytest

from automl.api.runs import run
from automl.experiment.paths import ExperimentPaths
from automl.space.space import SearchSpace
from automl.tracking.environment import mlflow_environment
from automl.tracking.mlflow import MlflowObserver
from automl.tracking.mlflow_client import MlflowRuns
from automl.tracking.mlflow_registry import MlflowRegistry
from automl.tracking.names import ParameterNames

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(600),
    # MLflow's own, while it packages a model.
    pytest.mark.filterwarnings("default"),
]


class Killed(BaseException):
    """The process ends here."""


class DyingRuns(MlflowRuns):
    """Raises instead of making a call, once as many have been made as it is allowed."""

    allowed = 10**6

    @property
    def client(self):
        if self.allowed == 0:
            raise Killed
        self.allowed -= 1
        return super().client


@pytest.fixture(scope="module")
def experiment(tmp_path_factory):
    folder = tmp_path_factory.mktemp("registry")
    (folder / "data").mkdir()
    return run(skill="toy", data=folder / "data", out=folder / "exp", trials=1, epochs=1,
               runner="local", tracker="none")  # fmt: skip


@pytest.fixture
def runs_named(experiment):
    """Return a function that opens an MLflow experiment of a name, with the experiment's runs."""
    paths = ExperimentPaths(experiment.paths.root)

    def make(name):
        runs = DyingRuns(f"sqlite:///{paths.tracking_database}", name, paths)
        MlflowObserver(runs, paths, ParameterNames(SearchSpace({}, {}))).opened(experiment)
        return runs

    return make


def test_a_kill_at_any_call_leaves_one_version_when_it_is_registered_again(experiment, runs_named):
    model = experiment.paths.promoted / "model.onnx"
    calls = 0
    with mlflow_environment():
        while True:
            runs = runs_named(f"toy-{calls}")
            runs.allowed = calls
            try:
                MlflowRegistry(runs).register(experiment, model)
                break
            except Killed:
                runs.allowed = 10**6
            entry = MlflowRegistry(runs).register(experiment, model)
            assert (entry.version, entry.alias) == ("1", "champion")
            assert len(runs.client.search_model_versions(f"name = 'toy-{calls}'")) == 1
            calls += 1
    assert calls > 5


def test_a_model_that_changed_gets_a_version_of_its_own(experiment, runs_named, tmp_path):
    runs = runs_named("toy-changed")
    other = tmp_path / "model.onnx"
    other.write_bytes(b"encrypted, so that MLflow cannot package it")
    with mlflow_environment():
        first = MlflowRegistry(runs).register(experiment, other)
        again = MlflowRegistry(runs).register(experiment, other)
        other.write_bytes(b"encrypted, with other contents")
        second = MlflowRegistry(runs).register(experiment, other)
    assert (first.version, again.version, second.version) == ("1", "1", "2")
    assert (first.why, again.why) == ("the first", "champion already: the same model")
    assert (second.alias, second.why) == ("champion", "replaces version 1, the same trial")


def test_a_program_is_packaged_and_leaves_no_bytecode_beside_the_model(
    experiment, runs_named, tmp_path
):
    model = tmp_path / "model.onnx"
    model.write_bytes((experiment.paths.promoted / "model.onnx").read_bytes())
    (tmp_path / "mlflow_model.py").write_text(
        "import mlflow\n\n"
        "class Echo(mlflow.pyfunc.PythonModel):\n"
        "    def predict(self, context, model_input, params=None):\n"
        "        return model_input\n\n"
        "mlflow.models.set_model(Echo())\n"
    )
    (tmp_path / "requirements.txt").write_text("mlflow\n")
    (tmp_path / "input_example.json").write_text('{"inputs": ["x"]}')
    with mlflow_environment():
        entry = MlflowRegistry(runs_named("toy-program")).register(experiment, model)
    assert entry.version == "1" and not (tmp_path / "__pycache__").exists()
