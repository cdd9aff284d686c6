"""A controller whose runner is the test."""

from dataclasses import replace

import pytest
from toy_experiment import write_toy_experiment

from automl.experiment.experiment import Experiment, space_of
from automl.search.from_settings import searcher_of
from automl.session.controller import Controller
from automl.session.preparation import Preparation


@pytest.fixture
def make(tmp_path, toy_data):
    """Return a function that opens a controller on an experiment, which is made if need be."""

    def open_controller(*observers, time_s=None, **search):
        root = tmp_path / "exp"
        if not root.exists():
            options = {"algorithm": "random", "trials": 3, "epochs": 2, **search}
            write_toy_experiment(root, toy_data, **options)
        experiment = Experiment.load(root)
        budget = replace(experiment.settings.budget, time_s=time_s)
        experiment.settings = replace(experiment.settings, budget=budget)
        space = space_of(experiment.paths, experiment.settings)
        preparation = Preparation.of(experiment, space)
        searcher = searcher_of(experiment.settings, space, preparation.info, [])
        controller = Controller(experiment, searcher, preparation, observers)
        controller.open()
        return controller

    return open_controller
