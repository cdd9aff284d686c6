import pytest

from automl.schema.normalize import MOST_LEVELS, plain_node


def plain(node, root=None):
    faults = []
    return plain_node(node, root or node, faults.append), faults


def test_a_reference_gives_way_to_its_target_and_words_beside_it_win():
    root = {"$defs": {"rate": {"type": "float", "default": 1.0, "title": "rate"}}}
    node, faults = plain({"$ref": "#/$defs/rate", "default": 0.5}, root)
    assert (node, faults) == ({"type": "float", "default": 0.5, "title": "rate"}, [])


@pytest.mark.parametrize(
    ("value", "kind"), [(3, ["integer", "string"]), ("x", ["string", "integer"])]
)
def test_the_alternative_that_the_default_fits_is_taken_and_the_others_stay_as_types(value, kind):
    node, _ = plain({"anyOf": [{"type": "integer"}, {"type": "string"}], "default": value})
    assert node["type"] == kind


def test_or_null_stays_as_a_second_type():
    node, _ = plain({"oneOf": [{"type": "null"}, {"type": "number", "minimum": 0}], "default": 1.0})
    assert (node["type"], node["minimum"]) == (["number", "null"], 0)


def test_all_of_merges_its_parts_into_the_node():
    node, _ = plain({"allOf": [{"minimum": 0}, {"maximum": 9}], "type": "int", "maximum": 5})
    assert node == {"type": "int", "minimum": 0, "maximum": 5}


def test_a_constant_is_an_enum_of_one_and_taos_stray_lists_go():
    node, faults = plain({"properties": {"c": {"const": 3}, "automl_disabled_parameters": ["x"]}})
    assert (node["properties"], faults) == ({"c": {"enum": [3]}}, [])


def endless():
    node = {"properties": {}}
    node["properties"]["a"] = node
    return node


@pytest.mark.parametrize(
    ("node", "message"),
    [
        ({"properties": {"a": {"$ref": "#/none"}}}, "a: $ref '#/none' names nothing"),
        ({"properties": {"a": {"$ref": "#/properties/a"}}}, "goes round in a ring"),
        ({"properties": {"a": {"anyOf": []}}}, "a: anyOf [] is not a list of schemas"),
        ({"properties": {"a": 3}}, "a: 3 is not a schema"),
        ({"properties": [1]}, "properties: properties [1] are not a mapping"),
        (endless(), f"is nested more than {MOST_LEVELS} levels deep"),
    ],
)
def test_a_broken_node_is_a_fault_with_its_key(node, message):
    _, faults = plain(node)
    assert any(message in fault for fault in faults)
