import ast
import re
import subprocess
import sys

import pytest
from layers import LEVELS, ROOT, imports, imports_between_parts, part_of, parts, ring

HEAVY = ("torch", "ray", "mlflow", "transformers", "optuna", "pandas", "pytorch_lightning", "onnx")
# The commands, the package's front, the tables of names and the verbs of a skill load late.
MAY_IMPORT_LATE = {
    "__init__",
    "__main__",
    "cli",
    "report",
    "runners",
    "search",
    "tracking",
    "skill",
}


PACKAGES = pytest.mark.parametrize("package", ["automl", "segformer"])


@PACKAGES
def test_every_folder_and_file_of_a_package_has_exactly_one_level(package):
    placed = [part for level in LEVELS[package] for part in level]
    assert sorted(placed) == sorted(parts(package))


@pytest.mark.parametrize(("package", "most"), [("automl", 9), ("segformer", 10)])
def test_there_are_few_levels(package, most):
    assert len(LEVELS[package]) <= most


@PACKAGES
def test_imports_only_go_down(package):
    level = {part: number for number, level in enumerate(LEVELS[package]) for part in level}
    upward = [
        (each.source, each.target)
        for each in imports_between_parts(package)
        if level[part_of(each.source)] >= level[part_of(each.target)]
    ]
    assert upward == []


@PACKAGES
def test_no_modules_import_each_other_in_a_ring(package):
    assert ring(package) == []


@PACKAGES
def test_only_the_tables_import_inside_functions(package):
    late = {part_of(each.source) for each in imports(package) if not each.at_top}
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


@PACKAGES
def test_every_module_says_what_it_holds(package):
    paths = (ROOT / package).rglob("*.py")
    assert [str(p) for p in paths if not ast.get_docstring(ast.parse(p.read_text()))] == []
