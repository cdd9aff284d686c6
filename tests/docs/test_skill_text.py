"""The table of the skill text is complete, is generated, and names tests that exist."""

import ast
import importlib.util

import pytest
from paths import ROOT

spec = importlib.util.spec_from_file_location("skill_text", ROOT / "docs" / "skill_text.py")
skill_text = importlib.util.module_from_spec(spec)
spec.loader.exec_module(skill_text)
ROWS = skill_text.rows()


def test_the_page_is_what_its_script_writes():
    assert skill_text.PAGE.read_text() == skill_text.page(ROWS), "run python docs/skill_text.py"


def test_every_row_is_there_once():
    assert [row["row"] for row in ROWS] == [*range(1, 114), *(f"C{i}" for i in range(1, 6))]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["row"])
def test_a_row_holds_or_says_why_not(row):
    assert row.keys() - {"why"} == {"row", "asks", "test", "status"}
    assert row["status"] in ("holds", "differs", "needs a GPU")
    assert ("why" in row) == (row["status"] == "differs")
    assert (row["test"] == "needs a GPU") == (row["status"] == "needs a GPU")


@pytest.mark.parametrize("test", sorted({row["test"] for row in ROWS} - {"needs a GPU"}))
def test_a_named_test_exists(test):
    file, _, name = test.partition("::")
    tree = ast.parse((ROOT / "tests" / file).read_text())
    assert name in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
