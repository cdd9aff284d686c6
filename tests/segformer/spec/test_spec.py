import pytest

from segformer.errors import SpecError
from segformer.spec import Spec, parse
from segformer.spec.fields import path_keys
from segformer.spec.overrides import nested


def fault(key, value):
    with pytest.raises(SpecError) as caught:
        parse(nested({key: value}))
    return str(caught.value)


def test_an_empty_mapping_is_the_default_spec():
    spec = parse({})
    assert spec.train.optim.lr == 6e-5
    assert spec.model.backbone.type == "fan_small_12_p4_hybrid"
    assert [entry.rgb for entry in spec.dataset.segment.palette] == [[0, 0, 0], [1, 1, 1]]


@pytest.mark.parametrize("place", ["train.optim", "trian"])
def test_of_thousands_of_unknown_keys_all_are_named_and_the_first_have_the_nearest(place):
    keys = [f"{place}.lr{number}" for number in range(5000)]
    with pytest.raises(SpecError) as caught:
        parse(nested(dict.fromkeys(keys, 1)))
    faults = caught.value.faults
    assert [fault.partition(":")[0] for fault in faults] == keys
    assert ["did you mean" in fault for fault in faults] == [True] * 30 + [False] * 4970


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("train.optim.lr", -1, "-1 is not allowed: must be greater than 0 (default 6e-05)"),
        ("train.optim.momentum", 1.0, "1.0 is not allowed: must be in [0, 1) (default 0.9)"),
        ("train.optim.lr", float("inf"), "must be a finite number"),
        ("train.optim.lr", True, "true is not allowed: is a boolean, not a number"),
        ("train.seed", "x", "must be an integer in [-1, 4294967295]"),
        ("train.num_epochs", 1.5, "must be an integer at least 1"),
        ("train.optim.optim", "adamv", "one of adamw, adam, sgd; did you mean adam?"),
        ("model", 3, "must be a section"),
        ("dataset.segment.root_dir", 3, "must be a text"),
        ("dataset.segment.augmentation.mean", [1], "has 1 entries, but the images have 3 bands"),
        ("dataset.segment.augmentation.std", [1, 0, 1], "std.1: 0 is not allowed: must be greater"),
        ("model.decode_head.decoder_params.embed_dim", 0, "must be greater than or equal to 1"),
        ("export.batch_size", 0, "must be -1 (any batch size) or at least 1"),
    ],
)
def test_a_wrong_value_is_named_with_what_is_allowed(key, value, words):
    text = fault(key, value)
    assert text.startswith(key)
    assert words in text
    assert "\n" not in text


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("train.optim.learning", "unknown key"),
        ("train.optim.lrr", "unknown key; did you mean train.optim.lr?"),
        ("tran.num_epochs", "unknown key; did you mean train.num_epochs?"),
        ("quantize.backend_kwargs", "is a TAO field of which only the empty default is accepted"),
    ],
)
def test_an_unknown_key_is_answered_with_the_nearest(key, words):
    assert f"{key}: {words}" in fault(key, 1)


def test_all_faults_are_named_at_once():
    with pytest.raises(SpecError) as caught:
        parse({"train": {"optim": {"lr": 0, "x": 1}, "seed": -2}, "model": {"type": "b9"}})
    assert len(caught.value.faults) == 4


@pytest.mark.parametrize("name", ["checkpoint_interval", "validation_interval"])
def test_an_interval_beyond_the_epochs_is_refused(name):
    with pytest.raises(SpecError, match=rf"train.{name}: 5 .*at most train.num_epochs, which is 3"):
        parse({"train": {"num_epochs": 3, name: 5}})


def test_a_checkpoint_interval_in_steps_is_not_bound_by_the_epochs():
    spec = parse({"train": {"checkpoint_interval_unit": "step", "checkpoint_interval": 500}})
    assert spec.train.checkpoint_interval == 500


@pytest.mark.parametrize(
    ("key", "value", "when"),
    [
        ("train.optim.power", 2.0, "train.optim.policy=poly"),
        ("train.optim.cooldown_share", 0.5, "train.optim.policy=constant"),
        ("train.segment.iou_weight", 0.3, "train.segment.loss one of ce_dice, ce_lovasz"),
        ("train.segment.focal_gamma", 1.0, "train.segment.loss one of focal, focal_dice"),
        ("train.segment.ohem_threshold", 0.5, "train.segment.loss one of ohem, ohem_dice"),
        ("train.segment.ohem_kept_share", 0.5, "train.segment.loss one of ohem, ohem_dice"),
        ("dataset.segment.rare_class_temperature", 0.5, "dataset.segment.sampling=rare_class"),
        (
            "dataset.segment.augmentation.random_mix.kind",
            "'classmix'",
            "mix_probability above 0",
        ),
        ("train.ema.decay", 0.9, "train.ema.enable=true and train.ema.horizon_share=0"),
        ("train.ema.horizon_share", 0.1, "train.ema.enable=true"),
        ("train.tensorboard.infrequent_logging_frequency", 3, "train.tensorboard.enabled=true"),
        ("train.checkpointer.save_top_k", 3, "train.checkpointer.enable_topk=true"),
        ("train.optim.monitor_name", "'val_acc'", "train.checkpointer.enable_topk=true"),
        ("wandb.project", "'mine'", "wandb.enable=true"),
    ],
)
def test_a_field_that_another_choice_leaves_without_effect_is_refused(key, value, when):
    given = value.strip("'") if isinstance(value, str) else value
    assert f"{key}: {value} is not allowed: has an effect only with {when}" in fault(key, given)


def test_two_sources_of_class_weights_or_an_order_and_draws_are_refused():
    weights = {"weights": [1.0, 2.0], "class_balance": "sqrt"}
    with pytest.raises(SpecError, match=r"class_balance: 'sqrt' .* only with .*weights=\[\]"):
        parse({"train": {"segment": weights}})
    drawn = {"shuffle": False, "sampling": "rare_class"}
    with pytest.raises(SpecError, match=r"sampling: 'rare_class' .* only with .*shuffle=true"):
        parse({"dataset": {"segment": drawn}})
    with pytest.raises(SpecError, match=r"label_smoothing: 0.1 .*loss one of ce, focal"):
        parse({"train": {"segment": {"loss": "dice", "label_smoothing": 0.1}}})


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (
            {"train.checkpointer.monitor": "val_miou", "train.checkpointer.mode": "min"},
            "the best val_miou is the max",
        ),
        ({"train.checkpointer.filename": "best"}, "must have {epoch} or {step}"),
        ({"train.checkpointer.filename": "{epoch}_{x}"}, "must be a file name with fields of"),
        ({"train.checkpointer.filename": "a/{epoch}"}, "must be a file name with fields of"),
    ],
)
def test_a_checkpointer_that_could_not_do_what_is_asked_is_refused(overrides, words):
    with pytest.raises(SpecError) as caught:
        parse(nested({"train.checkpointer.enable_topk": True, **overrides}))
    assert words in str(caught.value)


def test_the_metric_that_is_watched_in_any_case_may_be_named():
    assert parse(nested({"train.optim.monitor_name": "val_miou"})).train.optim.monitor_name


def test_the_direction_of_a_checkpointer_is_that_of_its_metric():
    overrides = {"train.checkpointer.monitor": "val_miou", "train.checkpointer.enable_topk": True}
    assert parse(nested(overrides)).train.checkpointer.mode == ""
    assert parse(nested({**overrides, "train.checkpointer.mode": "max"}))


def test_following_tensorboard_needs_its_files():
    with pytest.raises(SpecError, match=r"wandb\.sync_tensorboard: .*tensorboard\.enabled=true"):
        parse(nested({"wandb.enable": True, "wandb.sync_tensorboard": True}))


def test_a_model_name_of_another_network_is_refused():
    assert parse({"model_name": "segformer"}).model_name == "segformer"
    assert "must be one of , segformer" in fault("model_name", "dino")


@pytest.mark.parametrize("weights", [[0.5, 0.5, 0.5, 0.8, 1.0], [1.0]])
def test_class_weights_are_as_many_as_the_classes(weights):
    text = fault("train.segment.weights", weights)
    assert f"has {len(weights)} entries, but dataset.segment.num_classes is 2" in text


def test_class_weights_are_not_all_0():
    assert "at least one class must" in fault("train.segment.weights", [0.0, 0.0])


def test_text_that_yaml_leaves_of_a_number_is_the_number():
    assert parse({"train": {"optim": {"lr": "1e-4"}}}).train.optim.lr == 1e-4


def test_the_null_of_yaml_is_the_label_transform_none():
    spec = parse({"dataset": {"segment": {"label_transform": None}}})
    assert spec.dataset.segment.label_transform == "None"


def test_a_colour_of_two_classes_is_refused():
    palette = [
        {"label_id": i, "seg_class": "a", "rgb": rgb} for i, rgb in enumerate([[1], [1] * 3])
    ]
    assert "gives colour [1, 1, 1] to label_id 0 and 1" in fault("dataset.segment.palette", palette)


def test_a_dumped_spec_parses_to_itself():
    spec = parse({"train": {"optim": {"lr": 0.1}}})
    assert parse(spec.model_dump()) == spec


def test_paths_are_marked():
    assert "dataset.segment.root_dir" in set(path_keys(Spec))
    assert "dataset.segment.train_split" not in set(path_keys(Spec))


def test_the_metric_of_the_best_checkpoint_may_be_named():
    assert parse(nested({"train.optim.monitor_name": "val_miou"})).train.optim.monitor_name


@pytest.mark.parametrize(
    ("settings", "line"),
    [
        ({"resize": "crop", "prediction": {"mode": "whole"}}, r"prediction\.mode: 'whole' is not"),
        (
            {"prediction": {"mode": "whole", "overlap": 0.5}},
            r"overlap: 0\.5 is not allowed: it has",
        ),
        ({"img_height": 40, "img_width": 64}, r"img_height: 40 is not allowed: .* nearest is 48"),
    ],
)
def test_shapes_that_make_no_sense_are_refused_in_one_line(settings, line):
    with pytest.raises(SpecError, match=line) as caught:
        parse({"dataset": {"segment": settings}})
    assert len(caught.value.faults) == 1
