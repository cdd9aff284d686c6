from dataclasses import replace

import pytest
import yaml

from automl.errors import UsageError
from automl.experiment.checksums import sealed_text
from automl.experiment.resources import Resources
from automl.experiment.settings import Settings
from automl.files import yaml_text
from automl.trial.budget import Budget
from automl.trial.objective import Objective

SETTINGS = Settings(
    skill="toy",
    policy="auto",
    objectives=(Objective("m", "max"),),
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
    ("changes", "match"),
    [
        ({None: 1}, "unknown key None"),
        ({"budget": None}, "budget: None is not allowed: must be a mapping"),
        ({"budget": {"trials": 3, "epochs": None}}, "budget: epochs: None .* a whole number"),
        ({"budget": {"trials": 3}}, "budget: epochs is missing"),
        ({"resources": {"gpu": 1}}, "resources: unknown key 'gpu'"),
        ({"resources": {"runner": "rai"}}, "--runner: 'rai' is not one of ray, local"),
        ({"objectives": [{"metric": "m"}]}, "objectives: mode is missing"),
        (
            {"objectives": [{"metric": "m", "mode": "max", "constraints": [3]}]},
            "objectives: constraints: 3",
        ),
        ({"seed": "7"}, "seed: '7' is not allowed: must be a whole number"),
        ({"fixed": "a.b"}, "fixed: 'a.b' is not allowed: must be a list"),
    ],
)
def test_a_key_of_a_wrong_kind_is_a_line_that_names_the_file(tmp_path, changes, match):
    content = {**SETTINGS.to_dict(), **changes}
    (tmp_path / "settings.yaml").write_text(sealed_text(yaml_text(content)))
    with pytest.raises(UsageError, match=f"settings.yaml: {match}"):
        Settings.read(tmp_path / "settings.yaml")


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("", "holds no settings, only None"),
        ("- 1", "holds no settings"),
        ("format: 1\nautoml: 0.1.0\nskill: {a", "is not YAML"),
        ("skill: toy", "has format None, and automl .* reads format 2; read it with the version"),
        ("format: 9\nautoml: 7.0.0", "has format 9, and .* read it with automl 7.0.0"),
    ],
)
def test_a_torn_or_foreign_file_is_one_sentence(tmp_path, text, match):
    (tmp_path / "settings.yaml").write_text(text)
    with pytest.raises(UsageError, match=match) as caught:
        Settings.read(tmp_path / "settings.yaml")
    assert len(caught.value.faults) == 1


def test_a_file_says_which_format_it_has_and_which_version_made_it(tmp_path):
    replace(SETTINGS, automl="0.0.9").write(tmp_path / "settings.yaml")
    Settings.read(tmp_path / "settings.yaml").write(tmp_path / "settings.yaml")
    content = yaml.safe_load((tmp_path / "settings.yaml").read_text())
    assert list(content.items())[:2] == [("format", 2), ("automl", "0.0.9")]


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"runner": "rai"}, "--runner: 'rai' is not one of ray, local; did you mean ray"),
        ({"concurrency": 0}, "--concurrency: 0 is not allowed"),
        ({"runner": "local", "concurrency": 2}, "use --runner ray"),
        ({"runner": "local", "gpus_per_trial": 1.0}, "--gpus-per-trial needs --runner ray"),
        (
            {"runner": "local", "address": "auto", "cpus_per_trial": 1},
            "--cpus-per-trial and --address need --runner ray",
        ),
        ({"gpus_per_trial": 1.5}, "1.5 is not allowed: a fraction of one GPU .0.5. or whole GPUs"),
        ({"memory_per_trial": "8"}, "'8' is not understood; give for example 8GB"),
        ({"address": "head"}, "give auto, HOST:PORT or ray://HOST:PORT"),
        ({"cpus_per_trial": -1.0}, "--cpus-per-trial: -1 is not allowed"),
    ],
)
def test_resources_that_cannot_be_are_refused(arguments, match):
    with pytest.raises(UsageError, match=match):
        Resources(**arguments)


def test_a_trial_of_several_gpus_asks_for_that_many():
    ray = Resources(runner="ray")
    assert ray.for_trials_of(2, key="train.gpus").gpus_per_trial == 2
    assert ray.for_trials_of(1, key="train.gpus") == ray
    with pytest.raises(UsageError, match="--gpus-per-trial 1 and train.gpus=2 disagree"):
        Resources(runner="ray", gpus_per_trial=1).for_trials_of(2, key="train.gpus")


@pytest.mark.parametrize("trials, epochs", [(0, 1), (1, 0), (-3, 2)])
def test_an_empty_budget_is_refused(trials, epochs):
    with pytest.raises(UsageError, match="must be 1 or more"):
        Budget(trials, epochs)


def test_settings_that_were_changed_are_refused_and_those_of_an_older_version_are_read(tmp_path):
    path = tmp_path / "settings.yaml"
    SETTINGS.write(path)
    text = path.read_text()
    for other in (text.replace("seed: ", "seed: 1"), text.partition("\n")[2]):
        path.write_text(other)
        with pytest.raises(UsageError, match=r"settings.yaml: was changed .* fsck .* --accept"):
            Settings.read(path)
    path.write_text(yaml_text({**SETTINGS.to_dict(), "format": 1}))
    assert Settings.read(path) == SETTINGS
