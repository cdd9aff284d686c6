import pytest

from automl.errors import UsageError
from automl.jobs.create import create_job


@pytest.mark.parametrize(
    ("action", "spec", "match"),
    [
        ("train", {}, "train: train_datasets is missing; give --train-datasets URI"),
        ("evaluate", {}, r"evaluate: a model is missing; give --parent JOB \(or evaluate.model"),
        ("evaluat", {}, "'evaluat' is not an action of toy; did you mean evaluate"),
        ("train", {"train.lrr": 1}, "train.lrr: unknown key; did you mean train.lr"),
        ("train", {"train.results_dir": "x"}, "train.results_dir: cannot be set here"),
        ("train", {"data.root": "/no/where"}, "no such folder"),
    ],
)
def test_a_fault_is_told_and_leaves_nothing(root, action, spec, match):
    with pytest.raises(UsageError, match=match):
        create_job(action, "toy", spec, root=root)
    assert not root.exists()


def test_the_spec_is_whole_and_short_names_and_defaults_are_resolved(root, toy_data, spec_of):
    options = {"data.root": str(toy_data), "learning_rate": 0.25, "train": {"width": 3}}
    spec = spec_of(create_job("train", "toy", options, root=root))
    assert (spec["train"]["lr"], spec["train"]["width"], spec["train"]["epochs"]) == (0.25, 3, 4)
    assert spec["train"]["results_dir"].startswith(str(root.resolve()))


def test_every_job_has_an_id_and_a_folder_of_its_own(root, toy_data):
    jobs = [create_job("train", "toy", {"data.root": str(toy_data)}, root=root) for _ in range(3)]
    assert len({job.id for job in jobs}) == len(list(root.glob("train-*"))) == 3
