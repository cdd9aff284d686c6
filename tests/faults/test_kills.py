"""A short form of the campaign, and trials that do what they can against their search."""

import importlib.util
import os
import sys
from pathlib import Path

import pytest
from toy_experiment import write_toy_experiment

from automl.errors import RunFailed
from automl.experiment.experiment import Experiment
from automl.session.session import drive

RUNS = int(os.environ.get("AUTOML_FAULTS_RUNS", "3"))


def load_campaign():
    spec = importlib.util.spec_from_file_location(
        "campaign", Path(__file__).with_name("campaign.py")
    )
    sys.modules["campaign"] = module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.faults
@pytest.mark.timeout(60 + 60 * RUNS)
def test_killed_searches_end_as_one_that_nobody_disturbed(tmp_path):
    campaign = load_campaign()
    algorithms = ("tpe",) if RUNS < 10 else campaign.ALGORITHMS
    results = list(campaign.campaign(tmp_path, range(RUNS), algorithms=algorithms))
    print(campaign.table(results))
    assert [result.faults for result in results] == [[]] * RUNS


@pytest.mark.faults
@pytest.mark.parametrize(
    ("how", "kind"),
    [("negative", "bad_report"), ("back", "bad_report"), ("gap", "bad_report"),
     ("beyond", "bad_report"), ("memory", "out_of_memory")],
)  # fmt: skip
def test_a_hostile_trial_fails_as_what_it_did(tmp_path, toy_data, how, kind):
    root = tmp_path / "exp"
    write_toy_experiment(root, toy_data, trials=3, epochs=3, overrides={"train.fail": how})
    with pytest.raises(RunFailed, match=kind):
        drive(root)
    failures = [trial.failure.kind for trial in Experiment.load(root).history.trials.values()]
    assert failures == [kind] * 3
