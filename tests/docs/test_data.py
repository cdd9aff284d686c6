import pytest


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_every_block_runs(reader):
    reader.read("docs/data.md")
