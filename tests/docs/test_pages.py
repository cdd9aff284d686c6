"""Every page: its blocks can be run, and there is a test that runs them."""

import re

import pytest
from pages import BLOCK, PAGES, blocks
from paths import ROOT, TESTS

MOST_EXCEPTIONS = 8
"""Blocks of all pages that are not run."""
NAMES = [str(page.relative_to(ROOT)) for page in PAGES]


def test_the_blocks_that_are_not_run_are_few_and_say_why():
    left_out = [block for page in PAGES for block in blocks(page) if block.note == "no-run"]
    assert all(block.detail for block in left_out)
    assert len(left_out) <= MOST_EXCEPTIONS


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_every_block_has_a_kind_and_none_is_by_indentation(page):
    """An indented block would be passed over."""
    text = page.read_text()
    assert all(block.kind for block in blocks(page))
    assert BLOCK.sub("", text).count("```") == 0
    assert re.findall(r"\n\n {4}(?![-*\d ])\S[^\n]*", BLOCK.sub("", text)) == []


def test_every_page_with_a_block_to_run_is_read_by_a_test():
    tests = "".join(path.read_text() for path in (TESTS / "docs").glob("test_*.py"))
    to_run = [n for n, p in zip(NAMES, PAGES, strict=True) if any(b.is_run for b in blocks(p))]
    assert len(to_run) > 8
    assert [name for name in to_run if f'.read("{name}")' not in tests] == []


def test_the_readme_is_short():
    assert (ROOT / "README.md").stat().st_size < 9_000
