import pytest


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_every_block_runs(reader):
    """The chain from training to engine too, with TAO's overrides and no others."""
    pytest.importorskip("tensorrt_rtx", reason="builds engines without a GPU")
    reader.read("docs/segformer.md")
