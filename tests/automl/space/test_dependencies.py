import pytest
from spaces import build, real, whole

from automl.errors import UsageError
from automl.schema.conditions import Relation
from automl.space.dependencies import Dependencies
from automl.space.parameter import Parameter


def number(key, parent=None, **rest):
    relation = None if parent is None else Relation(">", parent)
    return Parameter(key, "int", 5, low=0, high=9, relation=relation, **rest)


def dependencies(*parameters):
    return Dependencies({p.key: p for p in parameters})


def always(parameter, values):
    return True


def test_parents_and_switches_come_before_what_depends_on_them():
    chain = dependencies(number("a", "b"), number("b", "c"), number("c"))
    assert chain.order == ["c", "b", "a"]
    switch = Parameter("z", "bool", True, choices=(False, True))
    assert dependencies(number("a", active_when=({"z": True},)), switch).order == ["z", "a"]


def test_descendants_are_children_and_theirs():
    family = dependencies(number("a"), number("b", "a"), number("c", "b"), number("d", "a"))
    assert set(family.descendants("a")) == {"b", "c", "d"}
    assert list(family.descendants("c")) == []


def test_a_parent_is_narrowed_by_all_active_descendants():
    family = dependencies(number("a"), number("b", "a"), number("c", "b"))
    highs = [family.narrowed("a", frozenset(active)).high for active in ("", "b", "bc")]
    assert highs == [9, 8, 7]


def test_a_child_takes_what_its_parents_value_leaves():
    family = dependencies(number("a"), number("b", "a"))
    child = family.domain(number("b", "a"), {}, {"a": 6}, always)
    assert (child.low, child.high) == (7, 9)
    base = family.domain(number("b", "a"), {"a": 3}, {}, always)
    assert base.low == 4


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ([number("a", "b"), number("b", "a")], "depends on itself"),
        ([number("a", active_when=({"b": 1},)), number("b", active_when=({"a": 1},))],
         "active only when it is active"),
    ],
)  # fmt: skip
def test_a_ring_is_refused_with_its_way(parameters, message):
    with pytest.raises(UsageError, match=rf"{message} \(a ring: "):
        dependencies(*parameters)


def test_a_relation_that_nothing_fulfils_is_found_in_each_case_of_the_switches():
    """It is impossible only while the switch is on."""
    nodes = {
        "on": {"type": "bool", "default": False},
        "low": whole(8, 8, 9),
        "top": whole(3, 0, 5, depends_on="> low", active_when={"on": True}),
    }
    with pytest.raises(UsageError, match="top: no value can be '> low'"):
        build(nodes)
    assert build(nodes, searched=["low", "top"]).defaults() == {"low": 8}


def test_a_held_child_counts_only_while_it_is_active():
    nodes = {
        "on": {"type": "bool", "default": True},
        "low": real(0.2, 0, 1),
        "top": real(0.5, 0, 1, depends_on="> low", active_when={"on": True}),
    }
    space = build(nodes, searched=["on", "low"])
    low = space.parameters["low"]
    assert space.domain(low, {"on": True}).high < 0.5
    assert space.domain(low, {"on": False}).high == 1.0
