"""A request becomes a plan: what is checked, resolved and written."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from pictures import data_set

from automl.errors import UsageError
from automl.experiment.experiment import space_of
from automl.experiment.resources import Resources
from automl.experiment.settings import Settings
from automl.plan.plan import notes_of, plan_from_request
from automl.request.request import Request
from automl.request.search import SearchRequest
from automl.request.space import SpaceRequest
from automl.skill.installed import load_skill
from automl.trial.budget import Budget

BATCH = {"train.batch_size": 8}


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


@pytest.mark.parametrize("nothing", [None, "", "???"])
def test_an_empty_path_that_each_trial_sets_is_not_given(request_of, nothing):
    """As TAO's templates have them."""
    paths = {"train.results_dir": nothing, "data.root": nothing}
    assert plan_from_request(request_of(overrides=paths)).settings.spec["data"]["root"]
    with pytest.raises(UsageError, match="train.results_dir: cannot be set here, .* give train.r"):
        plan_from_request(request_of(overrides={"train.results_dir": "x"}))


def test_the_settings_on_disk_are_those_of_the_plan(request_of, tmp_path):
    search = SearchRequest(algorithm="asha", algorithm_options={"automl_nu": 4})
    plan = plan_from_request(request_of(search=search, overrides={"learning_rate": 0.02}))
    assert not (tmp_path / "exp").exists()
    plan.write()
    settings = Settings.read(plan.paths.settings)
    assert set(settings.checksums) == {"schema.json", "space.yaml"}
    assert replace(settings, checksums={}) == plan.settings
    assert (settings.algorithm, settings.algorithm_options) == ("asha", {"reduction_factor": 4})
    assert "train.lr" in settings.fixed and settings.spec["train"]["lr"] == 0.02


def test_of_data_that_a_killed_run_drew_nothing_stays(request_of, tmp_path):
    left = tmp_path / "exp/.data/9-of-other-data"
    left.mkdir(parents=True)
    (tmp_path / "exp/space.yaml").touch()
    data = {"data": str(data_set(tmp_path / "pairs")), "policy": "off"}
    values = {"dataset.segment.label_transform": "None"}
    plan = plan_from_request(request_of(skill="segformer", overrides=values, **data))
    plan.write()
    assert (plan.paths.data / "0-summary/report.json").is_file()
    assert (plan.paths.data / "check.json").is_file()
    assert not (plan.paths.data / left.name).exists()
    assert not left.parent.exists()


def test_data_spec_output_gpus_and_policy_of_a_request_are_in_its_plan(request_of, tmp_path):
    resources = Resources(runner="ray", gpus_per_trial=0.5)
    request = request_of(policy="auto", overrides={"train.lr": 0.02}, resources=resources)
    plan = plan_from_request(request)
    spec = plan.settings.spec
    assert (spec["data"]["root"], spec["train"]["lr"]) == (request.data, 0.02)
    assert plan.paths.root == request.out
    assert (plan.settings.policy, plan.settings.resources.gpus_per_trial) == ("auto", 0.5)


def test_a_plain_training_has_the_settings_of_no_search(request_of):
    plan = plan_from_request(request_of(policy="off", search=SearchRequest(epochs=3)))
    settings = plan.settings
    assert (settings.policy, settings.algorithm, settings.stop_rule) == ("off", "random", "off")
    assert (settings.budget.trials, settings.budget.epochs) == (1, 3)
    assert plan.space.parameters == {}


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"policy": "off", "search": SearchRequest(time="2h")}, "--time: 2h has no effect on a"),
        (
            {"policy": "off", "space": SpaceRequest(overlay="wide")},
            "--space: wide has no effect on a",
        ),
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
        (
            {"tracker": "mlfow"},
            "--tracker: 'mlfow' is not one of mlflow, tensorboard, wandb, none; did you mean",
        ),
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


@pytest.mark.parametrize(
    ("to", "match"),
    [(("onx",), "--to: 'onx' is not one of onnx, int8, engine"), (("int8",), "has no action quan")],
)
def test_models_that_cannot_be_made_are_refused_before_the_search(request_of, to, match):
    with pytest.raises(UsageError, match=match):
        plan_from_request(request_of(to=to))


def test_intervals_that_leave_nothing_to_stop_early_are_named(request_of):
    info = load_skill("segformer").info
    assert info.report_interval_key == "train.validation_interval"
    plan = plan_from_request(request_of())
    settings = replace(plan.settings, spec={"train": {"validation_interval": 10}},
                       budget=Budget(3, 10))  # fmt: skip
    (note,) = notes_of(settings, plan.route, info)
    assert "train.validation_interval=10 of 10 epochs: a trial reports once" in note
    assert notes_of(replace(settings, budget=Budget(3, 20)), plan.route, info) == []


@pytest.mark.parametrize(
    ("override", "match"),
    [
        (
            {"train.gpu_ids": [1]},
            r"train.gpu_ids: requests GPUs \[1\], but no GPU .*accelerator=cpu",
        ),
        ({"train.num_gpus": 2}, "train.num_gpus: requests 2 GPUs, .*accelerator=cpu"),
        ({"train.accelerator": "gpu"}, "train.accelerator: requests a GPU, .*accelerator=cpu"),
    ],
)
def test_gpus_that_are_not_there_are_refused_before_the_data_is_read(
    no_gpu, request_of, tmp_path, override, match
):
    load_skill("segformer").sample(tmp_path / "set", seed=0)
    request = request_of(skill="segformer", data=str(tmp_path / "set"), overrides=override,
                         resources=Resources())  # fmt: skip
    with pytest.raises(UsageError, match=match):
        plan_from_request(request, progress=lambda *_: pytest.fail("the data was read"))


def test_a_fault_of_the_data_names_the_flag_that_it_was_given_by(tmp_path):
    missing = str(tmp_path / "nowhere")
    by_flag = Request(skill="segformer", data=missing, tracker="none")
    with pytest.raises(UsageError, match="^--data: there is no folder .*nowhere; give --data F"):
        plan_from_request(by_flag)
    by_key = Request(
        skill="segformer", overrides={"dataset.segment.root_dir": missing}, tracker="none"
    )
    with pytest.raises(UsageError, match="^dataset.segment.root_dir: there is no folder"):
        plan_from_request(by_key)


def test_named_choices_are_resolved_to_explicit_settings(request_of):
    space = SpaceRequest(searched={"start": "choice(wide,narrow)"})
    settings = plan_from_request(request_of(space=space)).settings
    wide, narrow = {"train.width": 16, "train.batch_size": 4}, {"train.width": 8}
    assert settings.named_choices == {"start": {"wide": wide, "narrow": {**narrow, **BATCH}}}
    assert settings.spec["train"]["width"] == 16
    assert settings.spec_values({"start": "wide", "train.lr": 0.1}) == {**wide, "train.lr": 0.1}
    assert settings.spec_keys("start") == ["train.batch_size", "train.width"]
    assert Settings.from_dict(settings.to_dict()) == settings


def test_a_written_space_with_names_is_read_again(request_of):
    plan = plan_from_request(
        request_of(space=SpaceRequest(searched={"start": "choice(wide,narrow)"}))
    )
    plan.write()
    space = space_of(plan.paths, Settings.read(plan.paths.settings))
    assert space.to_dict() == plan.space.to_dict()


def test_a_name_whose_settings_the_skill_refuses_is_refused_by_its_name(request_of, tmp_path):
    (tmp_path / "o.yaml").write_text(
        "parameters: {start: {choices: {a: {}, b: {set: {train.kind: odd}}}}}"
    )
    space = SpaceRequest(overlay=str(tmp_path / "o.yaml"))
    with pytest.raises(UsageError, match="start=b: train.kind: odd is not allowed"):
        plan_from_request(request_of(space=space))


def test_names_that_the_settings_rule_out_are_noted(request_of, tmp_path):
    (tmp_path / "o.yaml").write_text("parameters: {start: {}}")
    space = SpaceRequest(overlay=str(tmp_path / "o.yaml"))
    plan = plan_from_request(request_of(space=space, overrides={"train.width": 32}))
    assert plan.settings.named_choices == {}
    assert plan.notes[0].startswith("start: none of narrow, wide agrees with train.width=32")


def test_facts_of_the_data_rule_parameters_out_and_set_them(request_of, tmp_path):
    (tmp_path / "o.yaml").write_text(
        "parameters: {train.flip.p: {only_if: {train_images: '> 1'}, otherwise: 0.0},"
        " train.width: {only_if: {train_images: '> 0'}}}"
    )
    plan = plan_from_request(request_of(space=SpaceRequest(overlay=str(tmp_path / "o.yaml"))))
    assert set(plan.space.parameters) == {"train.lr", "train.width", "train.flip.enable"}
    assert plan.space.left_out == {"train.flip.p": "only if train_images > 1, and it is 1"}
    assert plan.settings.spec["train"]["flip"]["p"] == 0.0
    assert "facts" not in plan.settings.data


def test_a_refinement_that_the_skill_has_not_is_refused(request_of):
    with pytest.raises(UsageError, match="--refine: 'yes' is not one of on, off"):
        plan_from_request(request_of(refine="yes"))
    folder = str(Path(__file__).parents[2] / "logistic")
    with pytest.raises(UsageError, match="--refine: .* names no refinements"):
        plan_from_request(request_of(skill=folder, refine="on"))


def test_fine_tuning_of_an_int8_model_needs_one_and_a_skill_that_can(request_of):
    with pytest.raises(UsageError, match="--qat: .* only onnx is to be made; give --to onnx,int8"):
        plan_from_request(request_of(qat=2))
    with pytest.raises(UsageError, match="--qat: toy has no quantization-aware fine-tuning"):
        plan_from_request(request_of(qat=2, to=("onnx", "int8")))
