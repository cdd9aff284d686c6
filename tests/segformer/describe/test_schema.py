import json

import jsonschema
import pytest

from segformer.describe.schema import default, json_text, manifest, schema, template
from segformer.spec import ACTIONS

ANNOTATIONS = {"automl_enabled", "popular", "active_when", "scale", "format", "writeOnly"}
KEYWORDS = ANNOTATIONS | {
    *("title", "description", "default", "type", "enum", "items", "properties", "required"),
    *("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "minItems", "maxItems"),
    *("additionalProperties", "pattern"),
}
SEARCHED = """
    train.optim.lr train.optim.momentum train.optim.weight_decay model.backbone.freeze_backbone
    dataset.segment.augmentation.random_flip.enable
    dataset.segment.augmentation.random_flip.hflip_probability
    dataset.segment.augmentation.random_flip.vflip_probability
    dataset.segment.augmentation.random_rotate.enable
    dataset.segment.augmentation.random_rotate.rotate_probability
    dataset.segment.augmentation.random_color.enable
    dataset.segment.augmentation.random_color.brightness
    dataset.segment.augmentation.random_color.contrast
    dataset.segment.augmentation.random_color.saturation
    dataset.segment.augmentation.random_color.hue
    dataset.segment.augmentation.random_color.color_probability
    dataset.segment.augmentation.with_scale_random_crop.enable
"""


def nodes(properties, prefix=""):
    for name, node in properties.items():
        yield f"{prefix}{name}", node
        yield from nodes(node.get("properties", {}), f"{prefix}{name}.")


@pytest.fixture(scope="module", params=ACTIONS)
def document(request):
    return schema(request.param)


def test_a_schema_is_strict_2020_12_and_takes_its_own_default(document):
    jsonschema.Draft202012Validator.check_schema(document)
    jsonschema.Draft202012Validator(document).validate(document["default"])
    assert json.loads(json_text(document)) == document


def test_the_top_level_keys_of_tao_are_there(document):
    assert set(document) >= {
        *("automl_default_parameters", "automl_disabled_parameters", "default", "popular"),
        *("properties", "required", "type", "x_tao_schema"),
    }
    assert document["type"] == "object"
    action = document["x_tao_schema"]["action"]
    assert document["default"] == default(action)
    assert json_text(document) == json.dumps(document, indent=2, sort_keys=True) + "\n"


def test_every_property_has_text_default_and_known_keywords(document):
    for key, node in nodes(document["properties"]):
        assert node["description"] and node["title"] and "default" in node, key
        assert set(node) <= KEYWORDS, key
        assert set(node.get("items", {})) <= KEYWORDS, key


def test_the_sixteen_parameters_of_tao_are_searched():
    assert schema("train")["automl_default_parameters"] == sorted(SEARCHED.split())


def test_a_switch_named_by_active_when_is_a_field_of_the_train_schema():
    fields = dict(nodes(schema("train")["properties"]))
    for key, node in fields.items():
        alternatives = node.get("active_when", [])
        alternatives = [alternatives] if isinstance(alternatives, dict) else alternatives
        for switch in (key for alternative in alternatives for key in alternative):
            assert switch in fields, key


def test_lists_and_sections_are_not_searched(document):
    disabled = document["automl_disabled_parameters"]
    assert "dataset.segment.palette" in disabled
    assert "model.decode_head" in disabled
    assert set(disabled).isdisjoint(document["automl_default_parameters"])


def test_what_must_be_given_is_required():
    dataset = schema("train")["properties"]["dataset"]
    assert schema("train")["required"] == ["dataset"]
    assert dataset["properties"]["segment"]["required"] == ["root_dir"]
    assert schema("evaluate")["properties"]["evaluate"]["required"] == ["checkpoint"]


@pytest.mark.parametrize(
    ("key", "value", "is_valid"),
    [("lr", 0, False), ("lr", 1e-3, True), ("optim", "adamv", False), ("x", 1, False)],
)
def test_a_validator_of_others_sees_the_bounds(key, value, is_valid):
    spec = default("train")
    spec["train"]["optim"][key] = value
    assert jsonschema.Draft202012Validator(schema("train")).is_valid(spec) is is_valid


def test_popular_holds_only_what_the_action_reads():
    assert set(schema("train")["popular"]["train"]) == {
        "num_epochs",
        "checkpoint_interval",
        "validation_interval",
        *("num_gpus", "gpu_ids", "num_nodes"),
    }
    assert schema("export")["popular"] == {}


def test_the_manifest_points_to_each_schema_and_template():
    content = manifest()["actions"]
    assert set(content) == set(ACTIONS)
    assert content["train"]["path"] == "schemas/train.schema.json"
    assert template("train").startswith("# Defaults of `segformer train`")
