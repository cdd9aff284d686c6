"""A key from end to end: what is written with it, who can read it, and where it never shows."""

import json
import os
from types import SimpleNamespace

import pytest

from segformer.cli import main
from segformer.deploy.onnx import export
from segformer.errors import CheckpointError, SpecError
from segformer.evaluation.evaluate import evaluate
from segformer.loaded import load_model
from segformer.sealed import is_sealed
from segformer.secret import VARIABLE
from segformer.skill import skill
from segformer.training.loop import train

KEY = "Tr0ub4dor-and-3"


@pytest.fixture(scope="module", autouse=True)
def environment():
    before = dict(os.environ)
    os.environ["A_KEY"], os.environ["NO_KEY"] = KEY, "another"
    yield
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture(scope="module")
def sealed(environment, tiny_spec, tmp_path_factory):
    """Spec, folder and result of one epoch, trained with a key."""
    folder = tmp_path_factory.mktemp("sealed")
    spec = tiny_spec(encryption_key=KEY, **{"train.num_epochs": 1})
    return SimpleNamespace(spec=spec, folder=folder, result=train(spec, folder))


@pytest.fixture(scope="module")
def exported(sealed, tiny_spec, tmp_path_factory):
    folder = tmp_path_factory.mktemp("exported")
    settings = {"export.input_height": 32, "export.input_width": 32}
    best = {"export.checkpoint": str(sealed.result.artifacts["best"])}
    return export(tiny_spec(encryption_key="env:A_KEY", **settings, **best), folder).artifacts


def evaluated(tiny_spec, folder, path, key):
    words = {"evaluate.checkpoint": str(path), "evaluate.split": "validation"}
    return evaluate(tiny_spec(encryption_key=key, **words), folder).metrics


def test_checkpoints_are_encrypted_and_the_key_is_in_no_file(sealed):
    assert is_sealed(sealed.folder / "checkpoints/best.ckpt")
    assert is_sealed(sealed.folder / "checkpoints/last.ckpt")
    for path in sealed.folder.rglob("*"):
        content = path.read_bytes() if path.is_file() else b""
        assert KEY.encode() not in content, path
        assert b"backbone.stages" not in content, path
    assert f"encryption_key: env:{VARIABLE}" in (sealed.folder / "experiment.yaml").read_text()


def test_training_goes_on_from_an_encrypted_checkpoint(sealed, tiny_spec, tmp_path):
    more = {"train.num_epochs": 2}
    resume = {"train.resume_training_checkpoint_path": str(sealed.result.artifacts["last"])}
    heard = []
    spec = tiny_spec(encryption_key="env:A_KEY", **more, **resume)
    train(spec, tmp_path, lambda epoch, _: heard.append(epoch) or "continue")
    assert heard == [1, 2]
    assert is_sealed(tmp_path / "checkpoints/last.ckpt")
    with pytest.raises(CheckpointError, match="last.ckpt: is encrypted; give its key"):
        train(tiny_spec(**more, **resume), tmp_path / "without")


@pytest.mark.parametrize("kind", ["onnx", "safetensors", "best"])
def test_every_kind_of_model_is_read_with_its_key_only(sealed, exported, tiny_spec, tmp_path, kind):
    path = {**exported, **sealed.result.artifacts}[kind]
    assert is_sealed(path)
    metrics = evaluated(tiny_spec, tmp_path, path, "env:A_KEY")
    assert metrics["val_miou"] == pytest.approx(sealed.result.metrics["val_miou"], abs=1e-3)
    with pytest.raises(CheckpointError, match="is encrypted; give its key"):
        evaluated(tiny_spec, tmp_path, path, "")
    with pytest.raises(CheckpointError, match="encryption_key is not its key, or the file was"):
        evaluated(tiny_spec, tmp_path, path, "env:NO_KEY")


def test_a_program_loads_a_model_with_its_key(exported, tiny_data):
    model = load_model(exported["onnx"], encryption_key="env:A_KEY")
    assert model.segment(tiny_data / "images/val/0.png").shape == (36, 40)
    with pytest.raises(CheckpointError, match="is encrypted; give its key"):
        load_model(exported["onnx"])


def test_a_changed_byte_of_a_checkpoint_is_one_line(sealed, tiny_spec, tmp_path):
    content = bytearray(sealed.result.artifacts["best"].read_bytes())
    content[len(content) // 2] ^= 1
    (tmp_path / "best.ckpt").write_bytes(content)
    with pytest.raises(CheckpointError, match="or the file was changed") as error:
        evaluated(tiny_spec, tmp_path, tmp_path / "best.ckpt", "env:A_KEY")
    assert len(error.value.faults) == 1


def test_a_resolved_spec_names_the_key_and_holds_none(tiny_data):
    words = {"dataset.segment.root_dir": str(tiny_data), "encryption_key": KEY}
    spec = skill.resolve("train", words)
    assert spec["encryption_key"].startswith(f"env:{VARIABLE}")
    assert KEY not in json.dumps(spec)


def test_a_key_that_is_not_there_is_refused_by_name(tiny_spec):
    with pytest.raises(SpecError, match="the environment; set GONE there"):
        tiny_spec(encryption_key="env:GONE")


@pytest.mark.parametrize("word", ["123456", "[a", "{unclosed"])
def test_a_key_that_is_refused_is_not_shown(word, capsys, tiny_data):
    assert main(["train", f"root_dir={tiny_data}", f"encryption_key={word}"]) == 2
    told = capsys.readouterr().err
    assert "encryption_key: " in told
    assert word not in told
