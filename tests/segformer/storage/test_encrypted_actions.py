"""A key from end to end: what is written with it, who can read it, and where it never shows."""

import json
import os
import tempfile
from types import SimpleNamespace

import pytest

from segformer.api import load_model
from segformer.cli import main
from segformer.engine.engine import gen_trt_engine
from segformer.errors import CheckpointError, SpecError
from segformer.evaluation.evaluate import evaluate
from segformer.evaluation.tensorrt import driver_fault
from segformer.export.onnx import export
from segformer.quantization.quantize import quantize
from segformer.skill import skill
from segformer.storage.encryption import encryption_key_from, is_encrypted
from segformer.storage.key import VARIABLE
from segformer.storage.scratch import IN_MEMORY, scratch
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
    spec = tiny_spec(encryption_key="env:A_KEY", **{"train.num_epochs": 1})
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
    assert is_encrypted(sealed.folder / "checkpoints/best.ckpt")
    assert is_encrypted(sealed.folder / "checkpoints/last.ckpt")
    for path in sealed.folder.rglob("*"):
        content = path.read_bytes() if path.is_file() else b""
        assert KEY.encode() not in content, path
        assert b"backbone.stages" not in content, path
    assert "encryption_key: env:A_KEY" in (sealed.folder / "experiment.yaml").read_text()


def test_training_goes_on_from_an_encrypted_checkpoint(sealed, tiny_spec, tmp_path):
    more = {"train.num_epochs": 2}
    resume = {"train.resume_training_checkpoint_path": str(sealed.result.artifacts["last"])}
    heard = []
    spec = tiny_spec(encryption_key="env:A_KEY", **more, **resume)
    train(spec, tmp_path, lambda epoch, _: heard.append(epoch) or "continue")
    assert heard == [1, 2]
    assert is_encrypted(tmp_path / "checkpoints/last.ckpt")
    with pytest.raises(CheckpointError, match="last.ckpt: is encrypted; give its key"):
        train(tiny_spec(**more, **resume), tmp_path / "without")


@pytest.mark.parametrize("kind", ["onnx", "safetensors", "best"])
def test_every_kind_of_model_is_read_with_its_key_only(sealed, exported, tiny_spec, tmp_path, kind):
    path = {**exported, **sealed.result.artifacts}[kind]
    assert is_encrypted(path)
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


def assert_nothing_is_readable(folder):
    models = (".onnx", ".pth", ".engine", ".json")
    measured = ("status.json", "results.json", "report.json")
    sealed = [p for p in folder.rglob("*") if p.suffix in models and p.name not in measured]
    assert sealed
    assert [path.name for path in sealed if not is_encrypted(path)] == []
    for path in folder.rglob("*"):
        content = path.read_bytes() if path.is_file() else b""
        assert KEY.encode() not in content, path
        assert b"classifier" not in content, path


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["onnxruntime", "torchao"])
def test_a_quantized_model_is_encrypted(sealed, exported, tiny_spec, tmp_path, backend):
    source = exported["onnx"] if backend == "onnxruntime" else sealed.result.artifacts["best"]
    mode = {"onnxruntime": "static_ptq", "torchao": "weight_only_ptq"}[backend]
    words = {
        "quantize.model_path": str(source), "quantize.backend": backend, "quantize.mode": mode,
        "quantize.max_miou_drop": 1,
    }  # fmt: skip
    result = quantize(tiny_spec(encryption_key="env:A_KEY", **words), tmp_path)
    (path,) = result.artifacts.values()
    assert_nothing_is_readable(tmp_path)
    again = evaluated(tiny_spec, tmp_path / "again", path, "env:A_KEY")
    assert again["val_miou"] == result.metrics["val_miou"]
    with pytest.raises(CheckpointError, match="is encrypted; give its key"):
        evaluated(tiny_spec, tmp_path / "again", path, "")
    with pytest.raises(CheckpointError, match="encryption_key is not its key, or the file was"):
        quantize(tiny_spec(encryption_key="env:NO_KEY", **words), tmp_path / "wrong")


@pytest.fixture(scope="module")
def engine(exported, tiny_spec, tmp_path_factory):
    """An int8 engine, with its calibrated graph and its cache of ranges."""
    pytest.importorskip("tensorrt_rtx", reason="builds without a GPU; it is the extra trt")
    folder = tmp_path_factory.mktemp("engine")
    words = {
        "gen_trt_engine.onnx_file": str(exported["onnx"]),
        "gen_trt_engine.tensorrt.data_type": "int8",
        "gen_trt_engine.tensorrt.compute_capabilities": ["8.9"],
        "gen_trt_engine.tensorrt.calibration.cal_cache_file": str(folder / "ranges.json"),
    }
    built = gen_trt_engine(tiny_spec(encryption_key="env:A_KEY", **words), folder)
    return SimpleNamespace(folder=folder, words=words, path=built.artifacts["engine"])


@pytest.mark.slow
def test_an_engine_is_encrypted_and_all_that_it_is_made_of(engine, tiny_spec, tmp_path):
    names = {"calibrated.onnx", "ranges.json", "model.engine", "model.engine.json"}
    assert names <= {path.name for path in engine.folder.iterdir()}
    assert_nothing_is_readable(engine.folder)
    with pytest.raises(CheckpointError, match=r"model\.onnx: is encrypted; give its key"):
        gen_trt_engine(tiny_spec(**engine.words), tmp_path)
    with pytest.raises(CheckpointError, match="encryption_key is not its key, or the file was"):
        gen_trt_engine(tiny_spec(encryption_key="env:NO_KEY", **engine.words), tmp_path)


@pytest.mark.slow
@pytest.mark.skipif(driver_fault() is None, reason="a GPU is here")
def test_an_encrypted_engine_is_read_with_its_key_only(engine, tiny_spec, tmp_path):
    def run(key):
        evaluate(
            tiny_spec(encryption_key=key, **{"evaluate.trt_engine": str(engine.path)}), tmp_path
        )

    with pytest.raises(CheckpointError, match=r"cannot run here: .*model\.onnx"):
        run("env:A_KEY")
    with pytest.raises(CheckpointError, match="is encrypted; give its key"):
        run("")
    with pytest.raises(CheckpointError, match="encryption_key is not its key, or the file was"):
        run("env:NO_KEY")


def test_with_a_key_files_on_the_way_are_in_memory(environment):
    with encryption_key_from("env:A_KEY"), scratch() as folder:
        assert folder.parent == IN_MEMORY
        assert tempfile.gettempdir() == str(folder)
    assert not folder.exists()
    assert tempfile.gettempdir() != str(folder)
    with scratch() as folder:
        assert IN_MEMORY not in folder.parents
