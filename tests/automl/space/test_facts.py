import pytest

from automl.space.facts import ruled_out
from automl.space.overlay.entry import Entry

MIX = Entry("mix", only_if={"images": "> 200", "classes": "> 2"})


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        ({"images": 367, "classes": 11}, None),
        ({"images": 200, "classes": 11}, "only if images > 200, and it is 200"),
        ({"images": 300}, "only if classes > 2, which the data check does not report"),
        ({"images": 9, "classes": 2},
         "only if images > 200, and it is 9; only if classes > 2, and it is 2"),
    ],
)  # fmt: skip
def test_facts_rule_a_parameter_out_with_the_reason(facts, reason):
    found = ruled_out({"mix": MIX, "rate": Entry("rate")}, facts)
    assert found == ({} if reason is None else {"mix": reason})
