import pytest

from automl.errors import UsageError
from automl.request.space import SpaceRequest, space_of_skill
from automl.schema.schema import Schema
from automl.space.bounds import check_bounds
from automl.space.build import space_from_schema
from automl.space.space import SearchSpace


@pytest.mark.parametrize("overlay", ["default", "practitioner", "wide", "finetune", "edge"])
def test_every_space_of_the_skill_is_within_the_bounds_of_its_schema(overlay):
    described = space_of_skill("segformer", SpaceRequest(overlay=overlay))
    check_bounds(described.space, described.schema)


@pytest.fixture
def schema():
    lr = {"type": "number", "default": 0.1, "exclusiveMinimum": 0, "maximum": 1}
    kind = {"type": "string", "default": "a", "enum": ["a", "b"]}
    names = ["lr", "kind"]
    return Schema({"properties": {"lr": lr, "kind": kind}, "automl_default_parameters": names})


def test_an_end_beside_an_open_bound_is_within_it(schema):
    check_bounds(space_from_schema(schema, schema.defaults()), schema)


@pytest.mark.parametrize(
    ("key", "changes", "told"),
    [("lr", {"high": 2.0}, "lr: 2.0 is not allowed"),
     ("lr", {"low": 0.0, "is_log": False}, "lr: 0.0 is not allowed"),
     ("kind", {"choices": ["a", "c"]}, "kind: 'c' is not allowed: must be one of a, b"),
     ("lr", {"case_key": "kind", "cases": {"b": {"low": 1, "high": 3, "choices": [], "weights": [],
                                                 "holes": []}}}, "lr: 3 is not allowed")],
)  # fmt: skip
def test_what_the_schema_refuses_is_named(schema, key, changes, told):
    plain = space_from_schema(schema, schema.defaults()).to_dict()
    edited = SearchSpace.from_dict({**plain, key: {**plain[key], **changes}}, schema.defaults())
    with pytest.raises(UsageError, match=f"^space.yaml: {told}") as caught:
        check_bounds(edited, schema)
    (fault,) = caught.value.faults
    assert fault.key == key
