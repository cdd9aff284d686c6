import pytest

from automl.errors import UsageError
from automl.jobs.models import Choice, ModelSource, last_checkpoint, select_model


def source(folder, action="train", files=(), **known):
    for name in files:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return ModelSource("job-1", action, folder, **known)


TAO = ["model_epoch_003_step_00030.pth", "model_epoch_009_step_00090.pth",
       "lightning_logs/x.ckpt", ".hidden.ckpt", "status.json"]  # fmt: skip
OURS = ["checkpoints/best.ckpt", "checkpoints/last.ckpt"]
KNOWN = {"best": OURS[0], "last": OURS[1], "epochs": {OURS[0]: 4, OURS[1]: 10}}


@pytest.mark.parametrize(
    ("choice", "name"),
    [
        (Choice(), OURS[0]),
        (Choice("latest_model"), OURS[1]),
        (Choice("from_epoch_number", 4), OURS[0]),
        (Choice("from_epoch_number", 10), OURS[1]),
    ],
)
def test_a_training_gives_the_checkpoint_that_is_asked_for(tmp_path, choice, name):
    assert select_model(source(tmp_path, files=OURS, **KNOWN), choice) == tmp_path / name


@pytest.mark.parametrize("epoch", [3, 9])
def test_epochs_are_read_from_names_as_tao_writes_them(tmp_path, epoch):
    chosen = select_model(source(tmp_path, files=TAO), Choice("from_epoch_number", epoch))
    assert chosen.name.startswith(f"model_epoch_00{epoch}")


def test_the_latest_of_numbered_files_is_the_highest(tmp_path):
    there = source(tmp_path, files=[*TAO, "model_epoch_010_step_1.pth"])
    assert select_model(there, Choice("latest_model")).name == "model_epoch_010_step_1.pth"
    assert last_checkpoint(there).name == "model_epoch_010_step_1.pth"


def test_a_requested_epoch_is_never_replaced(tmp_path):
    there = source(tmp_path, files=[*OURS, "checkpoints/model_epoch_007.ckpt"], **KNOWN)
    with pytest.raises(UsageError) as caught:
        select_model(there, Choice("from_epoch_number", 5))
    assert "no model for epoch 5" in str(caught.value)
    for text in ("best.ckpt (epoch 4)", "last.ckpt (epoch 10)", "model_epoch_007.ckpt (epoch 7)"):
        assert text in str(caught.value)


def test_the_best_is_not_guessed_among_several(tmp_path):
    with pytest.raises(UsageError, match="no model for best_model .* model_epoch_003"):
        select_model(source(tmp_path, files=TAO), Choice())


@pytest.mark.parametrize("epoch", [4, 7, 10])
def test_a_file_that_names_its_epoch_goes_before_best_and_last_of_it(tmp_path, epoch):
    kept = [f"checkpoints/model_epoch_{n:03d}.ckpt" for n in (4, 7, 10)]
    chosen = select_model(
        source(tmp_path, files=[*OURS, *kept], **KNOWN), Choice("from_epoch_number", epoch)
    )
    assert chosen.name == f"model_epoch_{epoch:03d}.ckpt"


def test_the_best_stands_for_a_last_of_its_epoch(tmp_path):
    same = {**KNOWN, "epochs": {OURS[0]: 10, OURS[1]: 10}}
    chosen = select_model(source(tmp_path, files=OURS, **same), Choice("from_epoch_number", 10))
    assert chosen == tmp_path / OURS[0]


def test_a_best_that_is_gone_is_not_replaced_by_the_last(tmp_path):
    with pytest.raises(UsageError, match=r"no model for best_model .* has checkpoints/last.ckpt"):
        select_model(source(tmp_path, files=OURS[1:], **KNOWN), Choice())


@pytest.mark.parametrize(
    ("action", "files", "name"),
    [
        ("export", ["model.onnx", "x.ckpt"], "model.onnx"),
        ("gen_trt_engine", ["model.engine", "model.onnx"], "model.engine"),
        (
            "quantize",
            ["quantized_model_torchao.safetensors"],
            "quantized_model_torchao.safetensors",
        ),
        ("quantize", ["quantized_model.onnx"], "quantized_model.onnx"),
    ],
)
def test_each_action_leaves_its_kind_of_model(tmp_path, action, files, name):
    assert select_model(source(tmp_path, action, files), Choice()) == tmp_path / name


def test_an_empty_folder_is_told(tmp_path):
    with pytest.raises(UsageError, match="it has no model at all"):
        select_model(source(tmp_path, "export"), Choice())


@pytest.mark.parametrize("action", ["evaluate", "inference", "experiment", "prune"])
def test_an_action_that_leaves_no_model_is_refused(tmp_path, action):
    with pytest.raises(UsageError, match=f"{action} leaves no model; the parent must be an exp"):
        select_model(source(tmp_path, action), Choice())


def test_epochs_have_no_meaning_for_an_export(tmp_path):
    there = source(tmp_path, "export", ["model.onnx"])
    with pytest.raises(UsageError, match="leaves one model and no epochs"):
        select_model(there, Choice("latest_model"))


def test_an_unknown_method_gets_the_nearest_name():
    with pytest.raises(UsageError, match="'best' is not one of .*; did you mean best_model"):
        Choice("best")
    with pytest.raises(UsageError, match="go together"):
        Choice("from_epoch_number")
