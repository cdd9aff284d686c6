import io
import pickle
import random
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from segformer.errors import CheckpointError, SpecError
from segformer.model.saved import (
    ModelRecord,
    load_torch,
    read_model,
    record_from_json,
    write_safetensors,
)


@pytest.fixture
def record(tiny_spec):
    return ModelRecord.of(tiny_spec()).after(3, {"val_miou": 0.5}, best=0.6)


def test_record_survives_json(record, tmp_path):
    assert record_from_json(record.to_json(), source=tmp_path) == record


def test_safetensors_hold_weights_and_record(record, tmp_path):
    network = record.build().eval()
    write_safetensors(tmp_path / "model.safetensors", network, record)
    other = ModelRecord(model={}, segment={})
    saved = read_model(tmp_path / "model.safetensors", otherwise=other)
    image = torch.randn(1, 3, 32, 32)
    assert saved.record == record
    assert torch.equal(saved.build()(image), network(image))


def test_file_without_record_is_read_with_that_of_the_spec(record, tmp_path):
    save_file(record.build().state_dict(), tmp_path / "plain.safetensors")
    saved = read_model(tmp_path / "plain.safetensors", otherwise=record)
    assert saved.record is record


def test_image_size_and_scaling_are_the_models_and_the_masks_the_specs(record, tiny_spec):
    segment = tiny_spec(
        **{
            "dataset.segment.img_size": 64,
            "dataset.segment.ignore_index": 9,
            "dataset.segment.augmentation.mean": [0.1, 0.2, 0.3],
        }
    ).dataset.segment
    applied = record.applied_to(segment)
    assert (applied.img_size, applied.augmentation.mean) == (32, [0.5, 0.5, 0.5])
    assert applied.ignore_index == 9


def test_other_number_of_classes_is_refused_with_the_right_one(record, tiny_spec):
    segment = tiny_spec(**{"dataset.segment.num_classes": 5}).dataset.segment
    with pytest.raises(SpecError, match=r"num_classes: value 5, but the checkpoint has 3 classes"):
        record.applied_to(segment)


@pytest.mark.parametrize("text", ["{", "[]", '{"model": {}}', '{"model": {"a": 1}, "segment": {}}'])
def test_entry_that_is_not_ours_is_refused(text, tmp_path):
    with pytest.raises(CheckpointError, match="its 'segformer' entry is"):
        record_from_json(text, source=tmp_path / "model.onnx")


def test_weights_of_another_architecture_are_refused(record, tmp_path):
    save_file({"head.fuse.weight": torch.zeros(2)}, tmp_path / "other.safetensors")
    saved = read_model(tmp_path / "other.safetensors", otherwise=record)
    with pytest.raises(CheckpointError, match="not those of mit_b0 with 3 classes"):
        saved.build()


def test_missing_file_is_refused(record, tmp_path):
    with pytest.raises(CheckpointError, match="there is no such file"):
        read_model(tmp_path / "none.ckpt", otherwise=record)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a.tlt", "is a file that TAO encrypted, and only TAO opens it; give a .ckpt or .pth"),
        ("a.hdf5", "is a file of TAO's TensorFlow models"),
        ("a.onnx", "is an ONNX graph, whose weights no checkpoint has"),
        ("a.safetensors", "is safetensors, which holds weights only"),
    ],
)
def test_a_file_of_another_kind_is_told_as_what_it_is(tmp_path, name, kind):
    (tmp_path / name).write_bytes(b"hello")
    with pytest.raises(CheckpointError, match=f"{name}: {kind}"):
        load_torch(tmp_path / name)


def test_a_file_that_is_no_checkpoint_is_named_in_words_of_ours(record, tmp_path):
    (tmp_path / "dataset.json").write_text("{}")
    with pytest.raises(CheckpointError, match="it is damaged, is no torch file") as caught:
        read_model(tmp_path / "dataset.json", otherwise=record)
    assert "torch.load" not in str(caught.value)


def test_any_bytes_that_are_no_checkpoint_are_refused(tmp_path):
    path, chosen = tmp_path / "a.ckpt", random.Random(0)
    text = b"root:x:0:0:root:/root:/bin/bash\ndaemon:x:1:1:daemon:/usr/sbin\n"
    random_bytes = [chosen.randbytes(200) for _ in range(100)]
    # Text, too: torch's unpickler takes letters for its commands.
    for content in [text, *random_bytes, *(bytes(chosen.choices(text, k=200)) for _ in range(100))]:
        path.write_bytes(content)
        with pytest.raises(CheckpointError, match="cannot be read as a checkpoint"):
            load_torch(path)


class Evil:
    """Creates a file when it is unpickled."""

    def __init__(self, target):
        self.target = str(target)

    def __reduce__(self):
        return Path.touch, (Path(self.target),)


def saved_by_torch(evil, **ways):
    file = io.BytesIO()
    torch.save({"state_dict": {"weight": torch.zeros(1)}, "more": evil}, file, **ways)
    return file.getvalue()


@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
@pytest.mark.parametrize(
    "content_of",
    [
        *(lambda evil, protocol=protocol: pickle.dumps(evil, protocol) for protocol in (0, 2, 5)),
        saved_by_torch,
        lambda evil: saved_by_torch(evil, _use_new_zipfile_serialization=False),
    ],
)
@pytest.mark.parametrize("name", ["last.ckpt", "weights.pth"])
def test_a_pickle_that_would_run_code_is_refused_and_runs_none(tmp_path, record, content_of, name):
    target = tmp_path / "OWNED"
    content = content_of(Evil(target))
    pickle.loads(pickle.dumps(Evil(target)))
    assert target.exists(), "the pickle is not malicious"
    target.unlink()
    (tmp_path / name).write_bytes(content)
    with pytest.raises(CheckpointError, match=f"{name}: cannot be read as a checkpoint"):
        read_model(tmp_path / name, otherwise=record)
    assert not target.exists()
