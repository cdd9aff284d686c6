import pytest

from automl.errors import UsageError
from automl.schema.conditions import DIVIDED, Condition, Relation, parse_condition


@pytest.mark.parametrize(
    ("math_cond", "depends_on", "meant"),
    [
        (None, None, Condition()),
        ("", "", Condition()),
        ("> 0.0", None, Condition(comparisons=((">", 0.0),))),
        (">=0", None, Condition(comparisons=((">=", 0.0),))),
        ("!= 0", None, Condition(comparisons=(("!=", 0.0),))),
        ("> 0.0 <= 1.0", None, Condition(comparisons=((">", 0.0), ("<=", 1.0)))),
        (">-1e-3<=.5", None, Condition(comparisons=((">", -1e-3), ("<=", 0.5)))),
        ("/ 8", None, Condition(multiple_of=8.0)),
        ("^ 2", None, Condition(power_of=2.0)),
        ("^ 2", "a.b", Condition(power_of=2.0, parent="a.b")),
        ("/ 2", "a.b", Condition(relation=Relation(DIVIDED, "a.b", 2.0), parent="a.b")),
        (None, "a.b", Condition(parent="a.b")),
        (None, "a.b, c", Condition()),
        ("> 0", "a.b,c", Condition(comparisons=((">", 0.0),))),
        (None, "< max_iters", Condition(relation=Relation("<", "max_iters"), parent="max_iters")),
        ("<= 1", "> a", Condition((("<=", 1.0),), relation=Relation(">", "a"), parent="a")),
        *(
            (f"{sign} depends_on", "a.b", Condition(relation=Relation(sign, "a.b"), parent="a.b"))
            for sign in (">", ">=", "<", "<=", "==")
        ),
    ],
)
def test_a_condition_has_one_exact_meaning(math_cond, depends_on, meant):
    assert parse_condition("k", math_cond, depends_on) == meant


@pytest.mark.parametrize(
    ("math_cond", "depends_on"),
    [
        ("foo", None),
        ("0 <", None),
        (">", None),
        (">> 3", None),
        ("> 3 or < 1", None),
        ("> 1 0", None),
        ("> 1e999", None),
        ("> nan", None),
        ("> inf", None),
        ("/ 0", None),
        ("/ -8", None),
        ("/ 8 > 0", None),
        ("^ 1", None),
        ("^ 2 ^ 3", None),
        ("> depends_on", None),
        ("!= depends_on", "a"),
        (">= depends_on <= depends_on", "a"),
        ("> depends_on", "< a"),
        ("/ 2", "< a"),
        ("/ depends_on", "a"),
        (" ", None),
        (3, None),
        (["> 0"], None),
        (None, "a b"),
        (None, "!= a"),
        (None, 3),
        (None, "< a, > b"),
        ("> depends_on", "a,b"),
        ("/ 2", "a,b"),
    ],
)
def test_anything_else_is_an_error_that_names_the_key(math_cond, depends_on):
    with pytest.raises(UsageError, match=r"^train\.x: (math_cond|depends_on) "):
        parse_condition("train.x", math_cond, depends_on)


def test_a_condition_tells_itself_in_its_notation():
    condition = parse_condition("k", "> 0.0 <= depends_on", "a.b")
    assert list(condition.texts()) == ["> 0", "<= a.b"]
    assert list(parse_condition("k", "/ 2", "a.b").texts()) == ["a.b / 2"]
