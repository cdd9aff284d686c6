import shutil

import pytest


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_every_block_runs(reader_after_a_search):
    runs = reader_after_a_search.folder / "runs"
    shutil.copytree(runs / "my_search", runs / "other")
    reader_after_a_search.read("docs/running.md")
