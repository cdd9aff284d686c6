"""ONNX Runtime reports to Microsoft, and keeps what it reports in the user's cache, unless told."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import segformer.export.infer
from segformer.export.single_file import single_file


def kept(code, home):
    """Return the files that ONNX Runtime keeps in a home once `code` has run."""
    silent = {"ORT_DISABLE_TELEMETRY", "CI", "XDG_CACHE_HOME"}
    env = {key: value for key, value in os.environ.items() if key not in silent}
    command = [sys.executable, "-c", code]
    subprocess.run(command, cwd=home, env={**env, "HOME": str(home)}, check=True)
    return [path for path in home.rglob("*onnxruntime*/*")]


def test_it_does_report_by_itself(tmp_path):
    assert kept("import onnxruntime", tmp_path)


@pytest.mark.parametrize("module", ["evaluation.predictor", "export.infer", "quantization.qdq"])
def test_no_module_lets_it(tmp_path, module):
    code = f"import os, segformer.{module}\nassert 'ORT_DISABLE_TELEMETRY' not in os.environ"
    assert kept(code, tmp_path) == []


def test_the_program_beside_a_model_does_not_let_it(tmp_path):
    program = tmp_path / "infer.py"
    program.write_text(single_file(Path(segformer.export.infer.__file__)))
    assert kept("import infer", tmp_path) == []


def test_every_module_imports_it_in_that_way():
    root = Path(segformer.__file__).parent
    direct = re.compile(r"^import onnxruntime", re.MULTILINE)
    assert [path for path in root.rglob("*.py") if direct.search(path.read_text())] == []
