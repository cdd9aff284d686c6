import pytest


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_every_block_runs(reader_after_a_search):
    reader_after_a_search.read("docs/promotion.md")
