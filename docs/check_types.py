"""Checks the types of the code and of the notebook's cells, in one run that reads the rest once.

python docs/check_types.py
"""

import json
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

ROOT = Path(__file__).parent.parent
NOTEBOOK = ROOT / "docs" / "notebooks" / "search.ipynb"


def main() -> int:
    """Run mypy and return its exit code."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["mypy"]
    with tempfile.TemporaryDirectory() as folder:
        cells = Path(folder) / "notebook.py"
        cells.write_text(code(NOTEBOOK))
        command = [sys.executable, "-m", "mypy", *settings["files"], str(cells)]
        return subprocess.run(command, cwd=ROOT, check=False).returncode


def code(notebook: Path) -> str:
    """Return the code of a notebook's cells."""
    cells = json.loads(notebook.read_text())["cells"]
    return "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")


if __name__ == "__main__":
    raise SystemExit(main())
