"""The schemas of tools, and the check of arguments."""

import pytest
from jsonschema import Draft202012Validator

from automl.errors import UsageError
from automl.mcp.schemas import check_arguments, with_whole_numbers
from automl.mcp.tools import tools


@pytest.mark.parametrize("tool", tools().values(), ids=lambda tool: tool.name)
def test_every_tool_takes_and_answers_objects_of_a_valid_schema(tool):
    for schema in (tool.takes, tool.answers):
        Draft202012Validator.check_schema(schema)
        assert schema["type"] == "object"
    assert tool.description and tool.takes["additionalProperties"] is False


@pytest.mark.parametrize(
    ("arguments", "key", "nearest"),
    [
        ({"trails": 3}, "trails", "trials"),
        ({"trials": "3"}, "trials", None),
        ({"trials": True}, "trials", None),
        ({"objective": "val_miou"}, "objective", None),
        ({"objective": [1]}, "objective", None),
        ({"objective": []}, "objective", None),
        ({"trials": 2.5}, "trials", None),
        ({"stop_rule": "of"}, "stop_rule", "off"),
        ({"address": "auto"}, "address", None),
    ],
)
def test_a_wrong_argument_is_named_with_what_is_allowed(arguments, key, nearest):
    with pytest.raises(UsageError, match=key) as caught:
        check_arguments(arguments, tools()["run"].takes)
    (fault,) = caught.value.faults
    assert (fault.key, fault.nearest) == (key, nearest) and fault.allowed


def test_a_whole_number_may_be_written_as_two_point_zero():
    takes = tools()["explain"].takes
    given = with_whole_numbers({"experiment": "x", "trial": 2.0}, takes)
    check_arguments(given, takes)
    assert given == {"experiment": "x", "trial": 2} and type(given["trial"]) is int


def test_a_number_beyond_the_exact_ones_is_no_whole_number():
    takes = tools()["explain"].takes
    given = with_whole_numbers({"experiment": "x", "trial": 1e300}, takes)
    with pytest.raises(UsageError, match=r"trial: 1e\+300 is not allowed: must be a whole number"):
        check_arguments(given, takes)


def test_a_missing_argument_is_named():
    with pytest.raises(UsageError, match="experiment: is missing: folder of the experiment"):
        check_arguments({}, tools()["status"].takes)
