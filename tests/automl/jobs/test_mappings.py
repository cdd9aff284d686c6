from pathlib import Path

import pytest

from automl.errors import UsageError
from automl.jobs.mappings import FUNCTIONS, KEY_VARIABLE, Context, mapped
from automl.jobs.models import ModelSource
from automl.skill.info import SkillInfo


def info(params, **facts):
    return SkillInfo("demo", True, Path("skill_info.yaml"), spec_params={"act": params}, **facts)


@pytest.fixture
def context(tmp_path):
    """Return a function that makes the context of a job; files are those of its parent."""

    def make(files=("model.onnx",), action="export", own=(), **given):
        for folder, names in (("parent", files), ("own", own)):
            (tmp_path / folder).mkdir(exist_ok=True)
            for name in names:
                (tmp_path / folder / name).touch()
        return Context(
            tmp_path / "own",
            ModelSource("own", "train", tmp_path / "own", last="last.ckpt"),
            ModelSource("parent", action, tmp_path / "parent"),
            values={key.replace("__", "."): value for key, value in given.items()},
        )

    return make


def test_all_functions_of_the_table_are_there():
    assert set(FUNCTIONS) == {
        "key", "output_dir", "parent_model", "parent_model_folder", "create_onnx_file",
        "create_engine_file", "ptm_if_no_resume_model", "resume_model",
        "ptm", "parent_model_or_ptm",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("function", "place"),
    [
        ("output_dir", "own"),
        ("parent_model", "parent/model.onnx"),
        ("parent_model_folder", "parent"),
        ("create_onnx_file", "own/model.onnx"),
        ("create_engine_file", "own/model.engine"),
    ],
)
def test_a_function_gives_its_place(context, tmp_path, function, place):
    assert mapped(info({"a.b": function}), "act", context()) == {"a.b": str(tmp_path / place)}


@pytest.mark.parametrize("function", ["parent_model", "create_onnx_file", "create_engine_file"])
def test_what_the_user_gives_is_left_alone(context, function):
    assert mapped(info({"a.b": function}), "act", context(a__b="/mine")) == {}


def test_a_resumed_training_starts_from_its_own_last_checkpoint(context, tmp_path):
    params = {"resume": "resume_model", "start": "ptm_if_no_resume_model"}
    fresh = mapped(info(params), "act", context(start="weights.pth"))
    assert fresh == {}
    again = mapped(info(params), "act", context(own=["last.ckpt"], start="weights.pth"))
    assert again == {"resume": str(tmp_path / "own" / "last.ckpt"), "start": ""}


def test_the_key_is_named_by_its_variable_unless_one_is_given(context, monkeypatch):
    params = info({"encryption_key": "key"})
    assert mapped(params, "act", context()) == {}
    monkeypatch.setenv(KEY_VARIABLE, "secret")
    assert mapped(params, "act", context()) == {"encryption_key": f"env:{KEY_VARIABLE}"}
    assert mapped(params, "act", context(encryption_key="mine")) == {}
    assert mapped(params, "act", context(encryption_key="")) == {}


@pytest.mark.parametrize(
    ("action", "name", "key"),
    [("export", "model.onnx", "act.checkpoint"), ("gen_trt_engine", "m.engine", "act.trt_engine")],
)
@pytest.mark.parametrize("is_stated", [True, False])
def test_of_two_keys_the_one_that_takes_the_file_gets_it(context, action, name, key, is_stated):
    inputs = {"act.checkpoint": {"suffixes": [".ckpt", ".onnx"]},
              "act.trt_engine": {"suffixes": [".engine"]}}  # fmt: skip
    facts = {"actions": {"act": {"inputs": inputs}}} if is_stated else {}
    params = dict.fromkeys(inputs, "parent_model")
    assert list(mapped(info(params, **facts), "act", context([name], action))) == [key]


def test_a_model_of_a_kind_that_the_action_does_not_take_is_refused(context):
    facts = {"actions": {"act": {"inputs": {"a.b": {"suffixes": [".engine"]}}}}}
    with pytest.raises(UsageError, match=r"act: takes no .onnx file, which is what job parent"):
        mapped(info({"a.b": "parent_model"}, **facts), "act", context())


def test_an_unknown_function_gets_the_nearest_name(context):
    with pytest.raises(UsageError, match="unknown function 'parent_modle'; did you mean parent_mo"):
        mapped(info({"a.b": "parent_modle"}), "act", context())
