"""The example notebook, run as it is."""

import nbclient
import nbformat
import pytest
from paths import ROOT

NOTEBOOK = ROOT / "docs/notebooks/search.ipynb"


def test_the_notebook_is_valid_and_holds_no_outputs():
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    nbformat.validate(notebook)
    assert all(not cell.outputs for cell in notebook.cells if cell.cell_type == "code")


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.filterwarnings("ignore")
def test_the_notebook_runs_from_data_to_a_prediction(tmp_path):
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    client = nbclient.NotebookClient(
        notebook, timeout=400, resources={"metadata": {"path": str(tmp_path)}}
    )
    client.execute()
    texts = [str(cell.get("outputs", "")) for cell in notebook.cells]
    assert "uint8" in texts[-1]
    assert any("Experiment('runs/notebook', finished, 2 trials" in text for text in texts)
