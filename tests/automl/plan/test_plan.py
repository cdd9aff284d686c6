"""A request becomes a plan: what is checked, resolved and written."""

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from automl.errors import UsageError
from automl.experiment.resources import Resources
from automl.experiment.settings import Settings
from automl.plan.plan import plan_from_request
from automl.request.request import Request
from automl.request.search import SearchRequest
from automl.request.space import SpaceRequest


@pytest.fixture
def request_of(tmp_path, toy_data):
    """Return a function: a request of the toy skill with changes."""

    def make(**changes):
        plain = {
            "skill": "toy", "data": str(toy_data), "out": tmp_path / "exp", "tracker": "none",
            "resources": Resources(runner="local"),
        }  # fmt: skip
        return Request(**{**plain, **changes})

    return make


def test_the_settings_on_disk_are_those_of_the_plan(request_of, tmp_path):
    search = SearchRequest(algorithm="asha", algorithm_options={"automl_nu": 4})
    plan = plan_from_request(request_of(search=search, overrides={"learning_rate": 0.02}))
    assert not (tmp_path / "exp").exists()
    plan.write()
    settings = Settings.read(plan.paths.settings)
    assert settings == plan.settings
    assert (settings.algorithm, settings.algorithm_options) == ("asha", {"reduction_factor": 4})
    assert "train.lr" in settings.fixed and settings.spec["train"]["lr"] == 0.02


def test_a_plain_training_has_the_settings_of_no_search(request_of):
    plan = plan_from_request(request_of(policy="off", search=SearchRequest(epochs=3)))
    settings = plan.settings
    assert (settings.policy, settings.algorithm, settings.stop_rule) == ("off", "random", "off")
    assert (settings.budget.trials, settings.budget.epochs) == (1, 3)
    assert plan.space.parameters == {}


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"policy": "off", "search": SearchRequest(time="2h")}, "--time: 2h has no use here"),
        ({"policy": "off", "space": SpaceRequest(overlay="wide")}, "--space have no use here"),
        ({"data": None}, "--data is missing: the folder of the data set .or data.root=DIR"),
        ({"overrides": {"data.root": "other"}}, "--data .* and data.root=other disagree"),
        (
            {"search": SearchRequest(epochs=3), "overrides": {"train.epochs": 4}},
            "--epochs 3 and train.epochs=4 disagree; give one of them",
        ),
        ({"overrides": {"train.lrr": 1}}, "train.lrr: unknown key; did you mean train.lr"),
        (
            {"search": SearchRequest(concurrency=2), "resources": Resources(concurrency=3)},
            "--concurrency 3 and max_concurrent=2 disagree",
        ),
        ({"tracker": "mlfow"}, "--tracker: 'mlfow' is not one of mlflow, none; did you mean"),
    ],
)
def test_a_request_that_cannot_be_carried_out_is_refused(request_of, changes, match):
    with pytest.raises(UsageError, match=match):
        plan_from_request(request_of(**changes))


def test_a_folder_that_holds_anything_is_refused(request_of, tmp_path):
    (tmp_path / "exp").mkdir()
    (tmp_path / "exp" / "notes.txt").touch()
    with pytest.raises(UsageError, match="--out: .*exp is not empty; choose a new folder"):
        plan_from_request(request_of())


def test_credentials_are_kept_out_of_the_recorded_command(request_of):
    command = ("automl", "run", "data.root=s3://me:secret@host/set")
    plan = plan_from_request(request_of(command=command))
    assert plan.settings.command == ("automl", "run", "data.root=s3://***@host/set")


def test_a_plain_training_needs_no_optuna(tmp_path, toy_data):
    words = ["run", "--skill", "toy", "--data", str(toy_data), "--tracker", "none", "--policy"]
    code = (
        "import sys; sys.modules['optuna'] = None\n"
        "from automl.cli import main; sys.exit(main(sys.argv[1:]))"
    )
    command = [sys.executable, "-c", code, *words, "off", "--out", "exp"]
    assert subprocess.run(command, cwd=tmp_path, capture_output=True, check=False).returncode == 0
    search = [sys.executable, "-c", code, *words, "auto", "--out", "search"]
    done = subprocess.run(search, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, "optuna is not installed" in done.stderr) == (2, True)
    assert yaml.safe_load(Path(tmp_path / "exp" / "settings.yaml").read_text())["policy"] == "off"
