import pytest
from made import closed, finish, made_experiment, promoted, report, start

from automl.errors import UsageError
from automl.promotion.named_model import named_model

EVENTS = (start(0), report(0, 1, 0.6), finish(0))


def test_an_experiment_stands_for_its_promoted_model(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    root = tmp_path / "runs" / "one"
    made_experiment(root, *EVENTS, promoted(0), closed())
    assert named_model(root) == ("toy", root / "promoted/model.onnx")
    skill, model = named_model("one", "other")
    assert (skill, model.resolve()) == ("other", root / "promoted/model.onnx")


def test_an_experiment_without_a_promoted_model_says_how_to_make_one(tmp_path):
    made_experiment(tmp_path / "e", *EVENTS, closed())
    with pytest.raises(UsageError, match=r"has no promoted model; make one: automl promote .*e$"):
        named_model(tmp_path / "e")


def test_a_file_is_itself(tmp_path):
    (tmp_path / "model.onnx").write_bytes(b"")
    assert named_model(tmp_path / "model.onnx", "toy") == ("toy", tmp_path / "model.onnx")


def test_the_folder_of_the_promoted_model_stands_for_it(tmp_path):
    made_experiment(tmp_path, *EVENTS, promoted(0), closed())
    (tmp_path / "promoted").mkdir(exist_ok=True)
    assert named_model(tmp_path / "promoted") == ("toy", tmp_path / "promoted/model.onnx")


@pytest.mark.parametrize(
    "model", ["model.onnx", "checkpoints/best.ckpt", "train/checkpoints/a.pth"]
)
def test_another_folder_with_models_names_them(tmp_path, model):
    (tmp_path / model).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / model).touch()
    with pytest.raises(UsageError, match=f"is a folder; give a model in it: {model}$"):
        named_model(tmp_path)


@pytest.mark.parametrize("address", ["models:/segformer@champion", "runs:/abc/model"])
def test_an_address_in_mlflow_is_named_as_such(address):
    with pytest.raises(UsageError, match=f"{address}: is an address in MLflow, .* give the exp"):
        named_model(address)


def test_what_is_neither_gets_the_nearest_experiment(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    made_experiment(tmp_path / "runs/sample", *EVENTS, promoted(0), closed())
    (tmp_path / "photos").mkdir()
    neither = "is neither a model file nor an experiment folder"
    with pytest.raises(UsageError, match=rf"runs/smaple: {neither} .*; did you mean sample\?"):
        named_model("runs/smaple")
    with pytest.raises(UsageError, match=f"photos: {neither}"):
        named_model("photos")
