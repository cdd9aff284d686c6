"""The cost of reading an experiment grows with its trials, not with their square."""

import time

import pytest
from many import long_experiment
from searched import LOCAL

import automl
from automl.experiment.experiment import space_of
from automl.report.importance import MOST, importance
from automl.report.page.page import page
from automl.report.summary import summary


@pytest.fixture(scope="module")
def experiment(tmp_path_factory):
    folder = tmp_path_factory.mktemp("many")
    (folder / "data").mkdir()
    small = automl.run(**LOCAL, data=folder / "data", out=folder / "small", trials=1, epochs=1)
    return long_experiment(small, folder / "long", 1000)


def cpu_seconds(call, *arguments):
    begun = time.process_time()
    call(*arguments)
    return time.process_time() - begun


def test_a_report_of_a_thousand_trials_takes_less_than_ten_seconds(experiment):
    space = space_of(experiment.paths, experiment.settings)
    assert cpu_seconds(page, experiment, space, "") < 10


def test_the_summary_and_the_json_of_a_thousand_trials_take_less_than_a_second(experiment):
    assert cpu_seconds(summary, experiment) < 1
    assert cpu_seconds(experiment.to_dict) < 1


def test_importance_of_many_trials_is_worked_out_from_a_sample(experiment):
    space = space_of(experiment.paths, experiment.settings)
    assert len(experiment.history.trials) > MOST
    assert cpu_seconds(importance, experiment, space) < 20
