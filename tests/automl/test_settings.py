import pytest
import yaml

from automl.budget import Budget
from automl.errors import UsageError
from automl.objective import Objective
from automl.settings import Resources, Settings

SETTINGS = Settings(
    skill="toy",
    policy="auto",
    objective=Objective("m", "max"),
    budget=Budget(3, 4),
    seed=7,
    spec={"a": {"b": [1, 2]}},
    fixed=("a.b",),
    resources=Resources(concurrency=2, gpus_per_trial=0.5),
    data={"fingerprint": "x"},
    command=("automl", "run"),
    versions={"torch": "2"},
)


def test_settings_go_to_yaml_and_back():
    text = yaml.safe_dump(SETTINGS.to_dict())
    assert Settings.from_dict(yaml.safe_load(text)) == SETTINGS


def test_unknown_and_missing_keys_are_all_named():
    content = SETTINGS.to_dict()
    del content["seed"]
    with pytest.raises(UsageError, match="(?s)'sead'; did you mean seed.*seed is missing"):
        Settings.from_dict({**content, "sead": 1})


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"runner": "rai"}, "--runner: 'rai' is not one of ray, local; did you mean ray"),
        ({"concurrency": 0}, "--concurrency: 0 is not allowed"),
        ({"runner": "local", "concurrency": 2}, "use --runner ray"),
        ({"runner": "local", "gpus_per_trial": 1.0}, "need --runner ray"),
        ({"cpus_per_trial": -1.0}, "--cpus-per-trial: -1 is not allowed"),
    ],
)
def test_resources_that_cannot_be_are_refused(arguments, match):
    with pytest.raises(UsageError, match=match):
        Resources(**arguments)


@pytest.mark.parametrize("trials, epochs", [(0, 1), (1, 0), (-3, 2)])
def test_an_empty_budget_is_refused(trials, epochs):
    with pytest.raises(UsageError, match="must be 1 or more"):
        Budget(trials, epochs)
