import pytest


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_every_block_runs(reader):
    pytest.importorskip("tensorrt_rtx", reason="builds engines without a GPU")
    reader.read("README.md")
