import pytest
from paths import ROOT


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_every_block_runs(reader):
    reader.read("docs/from-tao.md")


def test_every_setting_of_tao_is_in_the_table():
    from automl.search.options import EXPERIMENT, OPTIONS, REFUSED, SYNONYMS

    page = (ROOT / "docs" / "from-tao.md").read_text()
    ours = {"type", "pruner", "grid_points", "transfer"}
    names = {*OPTIONS, *EXPERIMENT, *REFUSED, *SYNONYMS} - ours
    assert [name for name in sorted(names) if f"{name}`" not in page] == []
