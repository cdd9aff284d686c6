import pytest

from automl.errors import UsageError
from automl.jobs.models import Choice


def test_a_chain_needs_no_path(root, trained, run, spec_of):
    exported = run("export", trained.id)
    assert exported.artifacts == {"onnx": "model.onnx"}
    measured = run("evaluate", exported.id)
    assert measured.metrics["score"] == trained.metrics["score"]
    told = spec_of(measured)
    assert told["evaluate"]["model"] == str((root / exported.id / "model.onnx").resolve())
    assert told["data"] == spec_of(trained)["data"]


def test_an_experiment_stands_for_its_best_trial(searched, run, spec_of):
    best = searched.best
    measured = run("evaluate", "exp")
    assert measured.metrics["score"] == searched.value_of(best)
    told = spec_of(measured)
    assert told["train"]["lr"] == best.values["train.lr"]
    assert run("evaluate", f"exp/trials/{best.number:04d}").metrics == measured.metrics


def test_what_the_user_sets_wins_over_the_parent(trained, run, spec_of):
    measured = run("evaluate", trained.id, {"learning_rate": 0.5})
    assert spec_of(measured)["train"]["lr"] == 0.5


def test_a_parent_that_is_not_there_or_leaves_no_model_is_refused(trained, run):
    with pytest.raises(UsageError, match="there is no job 'train-20'.*; the latest are train-2"):
        run("evaluate", "train-20")
    with pytest.raises(UsageError, match=f"did you mean {trained.id}"):
        run("evaluate", trained.id + "0")
    measured = run("evaluate", trained.id)
    with pytest.raises(UsageError, match="evaluate leaves no model; the parent must be an"):
        run("evaluate", measured.id)


def test_an_epoch_that_is_not_there_is_refused_with_what_is(trained, run):
    with pytest.raises(UsageError, match=r"no model for epoch 2 .*best.json.*last.json"):
        run("evaluate", trained.id, choice=Choice("from_epoch_number", 2))
    with pytest.raises(UsageError, match="takes no model from a parent"):
        run("train", trained.id, choice=Choice("latest_model"))
