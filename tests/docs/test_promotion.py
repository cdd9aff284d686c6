import pytest


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_every_block_runs(reader_after_a_search):
    pytest.importorskip("tensorrt_rtx", reason="builds engines without a GPU")
    reader_after_a_search.read("docs/promotion.md")
