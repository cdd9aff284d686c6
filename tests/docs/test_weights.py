import importlib.util

import pytest
from paths import ROOT


def test_the_table_is_the_one_that_its_script_draws():
    spec = importlib.util.spec_from_file_location("weights", ROOT / "docs" / "weights.py")
    weights = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(weights)
    text = (ROOT / "docs" / "weights.md").read_text()
    assert text == weights.drawn(text), "run python docs/weights.py"


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_every_block_runs(reader):
    reader.read("docs/weights.md")
