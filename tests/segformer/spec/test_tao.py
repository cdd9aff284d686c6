"""TAO's specs are read as they are; what has no effect here is left out, with a note."""

import logging

import pytest
import yaml

from segformer.errors import SpecError
from segformer.skill import skill
from segformer.spec import Spec, parse
from segformer.spec.backbones import BACKBONES
from segformer.spec.faults import leaf_keys
from segformer.spec.overrides import flattened, nested
from segformer.spec.tao import FIELDS, is_tao_field, without_tao_defaults

DEFAULTS = {"model.backbone.type": "fan_small_12_p4_hybrid", "dataset.segment.num_classes": 2}
CHANNELS = {"model.decode_head.in_channels": [64, 128, 320, 512]}
WEIGHTS = {"train.segment.weights": [0.5, 0.5, 0.5, 0.8, 1.0]}

# As NVIDIA's template of the train action has them; each template is such sections.
TEMPLATE = """
model_name: ''
encryption_key: ''
results_dir: ''
wandb: {enable: true, project: TAO Toolkit, entity: '', group: '', tags: [tao-toolkit],
        reinit: false, sync_tensorboard: false, save_code: false, name: TAO Toolkit Training,
        run_id: ''}
model:
  backbone: {type: fan_small_12_p4_hybrid, feat_downsample: false, pretrained_backbone_path: '',
             freeze_backbone: false}
  decode_head: {in_channels: [64, 128, 320, 512], in_index: [0, 1, 2, 3],
                feature_strides: [4, 8, 16, 32], align_corners: false,
                decoder_params: {embed_dim: 768}}
dataset:
  segment: {root_dir: "???", num_classes: 2, label_transform: norm, img_size: 256}
train:
  optim: {monitor_name: val_loss, optim: adamw, lr: 6.0e-05, policy: linear}
  segment: {loss: ce, weights: [0.5, 0.5, 0.5, 0.8, 1.0]}
quantize: {backend: torchao, mode: weight_only_ptq, algorithm: minmax, layers: [], skip_names: [],
           model_path: '', results_dir: '', backend_kwargs: {}, device: cuda}
"""


def without(flat, **environ):
    return without_tao_defaults(flat, DEFAULTS, {"NETRC": "/nowhere", **environ})


def test_no_field_of_the_classes_is_listed_as_missing():
    assert FIELDS.isdisjoint(leaf_keys(Spec))


def test_sections_and_what_is_below_a_field_count():
    assert is_tao_field("quantize")
    assert is_tao_field("quantize.backend_kwargs.bits")
    assert not is_tao_field("train.optim.lr")
    assert not is_tao_field("quantizex")


@pytest.mark.parametrize(
    "flat", [CHANNELS, WEIGHTS, {"quantize.backend_kwargs": {}}, {"wandb.enable": True}]
)
def test_a_default_of_taos_without_effect_is_left_out_and_named(flat):
    kept, notes = without({**flat, "train.seed": 1})
    assert kept == {"train.seed": 1}
    assert notes.keys() == flat.keys()
    assert all(note.startswith("TAO's ") and "no effect" in note for note in notes.values())


@pytest.mark.parametrize(
    "flat",
    [
        {**CHANNELS, "model.backbone.type": "mit_b2"},
        {**WEIGHTS, "dataset.segment.num_classes": 5},
        {"model.decode_head.in_channels": [1, 2, 3, 4]},
        {"train.segment.weights": [1.0, 2.0]},
        {"wandb.enable": False},
        {"quantize.backend_kwargs.bits": 4},
    ],
)
def test_a_value_with_an_effect_and_any_other_value_stays(flat):
    assert without(flat) == (flat, {})


def test_the_note_on_channels_names_no_backbone_which_the_checkpoint_may_decide():
    _, notes = without(CHANNELS)
    assert not any(name in note for name in BACKBONES for note in notes.values())


def test_with_a_login_weights_and_biases_stays_on():
    flat = {"wandb.enable": True}
    assert without(flat, WANDB_API_KEY="k") == without(flat, WANDB_MODE="offline") == (flat, {})


def test_a_template_of_taos_is_resolved_with_a_line_for_each_that_has_no_effect(
    tmp_path, caplog, monkeypatch
):
    monkeypatch.setenv("NETRC", str(tmp_path / "none"))
    for name in ("API_KEY", "MODE", "BASE_URL"):
        monkeypatch.delenv(f"WANDB_{name}", raising=False)
    flat = dict(flattened(yaml.safe_load(TEMPLATE)))
    with caplog.at_level(logging.WARNING), pytest.raises(SpecError) as caught:
        skill.resolve("train", flat)
    assert str(caught.value) == (
        "dataset.segment.root_dir: is not set; give dataset.segment.root_dir=FOLDER"
    )
    spec = skill.resolve("train", {**flat, "dataset.segment.root_dir": str(tmp_path)})
    assert spec["model"]["decode_head"]["in_channels"] is None
    assert spec["train"]["segment"]["weights"] == []
    assert not spec["wandb"]["enable"]
    # Of sections that the action reads: quantize is not one of them.
    assert len(caplog.records) == 2 * 3


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        (
            "quantize.backend_kwargs.bits",
            4,
            "is a TAO field of which only the empty default is accepted",
        ),
        ("model.decode_head.in_channels", [1, 2, 3, 4], "the maps of fan_small_12_p4_hybrid have"),
        ("train.segment.weights", [0.5] * 5, "has 5 entries, but dataset.segment.num_classes is 2"),
    ],
)
def test_another_value_of_it_is_refused(tmp_path, key, value, words):
    with pytest.raises(SpecError, match=words):
        skill.resolve("train", {"dataset.segment.root_dir": str(tmp_path), key: value})


def test_a_reference_is_resolved_and_becomes_no_folder(tmp_path):
    given = {"dataset.segment.root_dir": str(tmp_path), "results_dir": str(tmp_path / "out")}
    spec = skill.resolve("train", {**given, "train.results_dir": "${results_dir}/train"})
    assert spec["train"]["results_dir"] == str(tmp_path / "out/train")


def test_a_null_where_the_default_is_empty_is_no_value(tmp_path):
    """As NVIDIA's tutorial has them: pretrained_backbone_path: null, and sections left empty."""
    spec = skill.resolve(
        "train",
        {
            "dataset.segment.root_dir": str(tmp_path),
            **{"model.backbone.pretrained_backbone_path": None, "encryption_key": None},
            **{"train.resume_training_checkpoint_path": None, "train.checkpointer": None},
            **{"wandb": None, "wandb.enable": False, "train.segment.weights": None},
        },
    )
    assert spec["model"]["backbone"]["pretrained_backbone_path"] == ""
    assert spec["train"]["segment"]["weights"] == []
    assert not spec["train"]["checkpointer"]["enable_topk"]


@pytest.mark.parametrize("key", ["train.num_epochs", "train.optim.optim", "train.gpu_ids"])
def test_any_other_null_is_refused(tmp_path, key):
    with pytest.raises(SpecError, match=f"{key}: null is not allowed"):
        skill.resolve("train", {"dataset.segment.root_dir": str(tmp_path), key: None})


@pytest.mark.parametrize("key", ["results_dir", "encryption_key", "train.pretrained_model_path"])
def test_the_none_of_python_names_no_file(tmp_path, key):
    with pytest.raises(SpecError, match=f"^{key}: 'None' would be taken as a name; .* write null"):
        skill.resolve("train", {"dataset.segment.root_dir": str(tmp_path), key: "None"})


@pytest.mark.parametrize(
    ("switch", "key", "value"),
    [
        ("wandb.enable", "wandb.project", "mine"),
        ("train.tensorboard.enabled", "train.tensorboard.infrequent_logging_frequency", 5),
        ("train.checkpointer.enable_topk", "train.checkpointer.monitor", "val_miou"),
    ],
)
def test_what_is_switched_off_is_left_out_and_named(switch, key, value):
    kept, notes = without({switch: False, key: value})
    assert kept == {switch: False}
    assert notes == {key: f"has no effect without {switch}=true"}
    assert without({key: value}) == ({key: value}, {}), "refused, not left out"


def test_without_a_login_the_other_settings_of_weights_and_biases_go_too():
    kept, notes = without({"wandb.enable": True, "wandb.project": "mine"})
    assert not kept
    assert notes.keys() == {"wandb.enable", "wandb.project"}


def test_a_spec_of_tao_5_is_told_in_one_line():
    with pytest.raises(SpecError) as caught:
        skill.resolve(
            "train",
            {
                "train.max_iters": 1000,
                "dataset.batch_size": 4,
                "dataset.img_norm_cfg.mean": [127.5],
                "dataset.train_dataset.img_dir": ["/data"],
            },
        )
    (line,) = caught.value.faults
    assert line.startswith("train.max_iters: is a key of TAO 5")
    assert "dataset.batch_size is now dataset.segment.batch_size" in line
    assert "train.max_iters is now train.num_epochs" in line


def test_a_missing_checkpoint_is_told_with_those_beside_it(tmp_path):
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints/best.ckpt").touch()
    key = "export.checkpoint"
    with pytest.raises(SpecError, match=r"has checkpoints/best.ckpt\)"):
        skill.resolve("export", {key: str(tmp_path / "segformer_model_latest.pth")})
    with pytest.raises(
        SpecError, match=r"is a folder; give .*=FILE \(.* has checkpoints/best.ckpt"
    ):
        skill.resolve("export", {key: str(tmp_path)})


def test_the_nearest_name_is_that_whatever_its_case():
    with pytest.raises(SpecError, match="did you mean adamw\\?"):
        parse(nested({"train.optim.optim": "AdamW"}))


def test_a_precision_is_read_as_taos_classes_write_it():
    spec = parse(nested({"gen_trt_engine.tensorrt.data_type": "FP32"}))
    assert spec.gen_trt_engine.tensorrt.data_type == "fp32"
    with pytest.raises(SpecError, match="did you mean fp16\\?"):
        parse(nested({"gen_trt_engine.tensorrt.data_type": "FP61"}))
