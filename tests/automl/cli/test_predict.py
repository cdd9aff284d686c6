"""`automl predict`: which model is meant."""

import argparse

import pytest
from made import closed, finish, made_experiment, promoted, report, start

from automl.cli.predict import _model
from automl.errors import UsageError

EVENTS = (start(0), report(0, 1, 0.6), finish(0))


def asked(model, skill=None):
    return _model(argparse.Namespace(model=model, skill=skill))


def test_an_experiment_stands_for_its_promoted_model(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    root = tmp_path / "runs" / "one"
    made_experiment(root, *EVENTS, promoted(0), closed())
    assert asked(root) == ("toy", root / "promoted/model.onnx")
    skill, model = asked(tmp_path.relative_to(tmp_path) / "one", skill="other")
    assert (skill, model.resolve()) == ("other", root / "promoted/model.onnx")


def test_an_experiment_without_a_promoted_model_says_how_to_make_one(tmp_path):
    made_experiment(tmp_path / "one", *EVENTS, closed())
    with pytest.raises(UsageError, match="has no promoted model; make one: automl promote"):
        asked(tmp_path / "one")


def test_a_file_is_itself(tmp_path):
    assert asked(tmp_path / "gone.onnx", skill="toy") == ("toy", tmp_path / "gone.onnx")
