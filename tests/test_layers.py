import ast
import re
import subprocess
import sys

import pytest
from layers import AUTOML, ROOT, SEGFORMER, parts_imported

HEAVY = ("torch", "ray", "mlflow", "transformers", "optuna", "pandas", "pytorch_lightning", "onnx")
# The command line, the package's front, the tables of names and the verbs of a skill load late.
MAY_IMPORT_LATE = {"__init__", "cli", "runners", "search", "tracking", "skill"}


@pytest.mark.parametrize(("package", "layers"), [("automl", AUTOML), ("segformer", SEGFORMER)])
def test_imports_only_go_down(package, layers):
    level = {part: number for number, parts in enumerate(layers) for part in parts}
    upward = [
        (source, target)
        for source, target, _ in parts_imported(package)
        if level[source] >= level[target]
    ]
    assert upward == []


@pytest.mark.parametrize("package", ["automl", "segformer"])
def test_only_the_tables_import_inside_functions(package):
    late = {source for source, _, is_top in parts_imported(package) if not is_top}
    assert late <= MAY_IMPORT_LATE


def test_automl_never_names_the_skill():
    texts = {p: p.read_text() for p in (ROOT / "automl").rglob("*.py")}
    assert [str(p) for p, text in texts.items() if re.search("segformer", text, re.I)] == []


def test_segformer_imports_nothing_of_automl():
    texts = "\n".join(p.read_text() for p in (ROOT / "segformer").rglob("*.py"))
    assert not re.search(r"^\s*(from|import) automl", texts, re.M)


@pytest.mark.parametrize("command", ["automl", "segformer"])
def test_help_loads_no_heavy_library(command):
    code = (
        f"import sys, {command}.cli\n"
        f"try: {command}.cli.main(['--help'])\n"
        "except SystemExit: pass\n"
        f"print([m for m in {HEAVY} if m in sys.modules], file=sys.stderr)"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    assert result.stderr.strip() == "[]"


@pytest.mark.parametrize("package", ["automl", "segformer"])
def test_every_module_says_what_it_holds(package):
    paths = (ROOT / package).rglob("*.py")
    assert [str(p) for p in paths if not ast.get_docstring(ast.parse(p.read_text()))] == []
