import ast
import json
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest
import yaml
from field_tests import TESTS as TESTED
from paths import HELPERS, TESTS

from segformer.cli import main
from segformer.describe.differences import DIFFERENCES
from segformer.describe.field_list import field_rows, table
from segformer.errors import SpecError
from segformer.spec import Spec, parse
from segformer.spec.faults import leaf_keys
from segformer.spec.overrides import nested

HERE = Path(__file__).parent
ROWS = {row.key: row for row in field_rows()}
TAO = {
    key: (default, bounds, choices.split(", ") if choices else [])
    for line in (HERE / "tao_rows.tsv").read_text().splitlines()
    if not line.startswith("#")
    for key, default, bounds, choices in [line.split("\t")]
}
BUILT = sorted(TAO.keys() & set(leaf_keys(Spec)))
NOT_OFFERED = {
    # A format of NVIDIA's own, of which nothing is published.
    "export.format": {"xdl"},
    # It needs versions that do not go with the others; the algorithms are of 4-bit weights.
    "quantize.backend": {"modelopt.onnx"},
    "quantize.algorithm": {"awq_clip", "awq_lite", "awq_full", "rtn_dq"},
}


def test_every_field_of_the_spec_and_of_tao_is_listed_once():
    assert set(leaf_keys(Spec)) | TAO.keys() <= ROWS.keys()
    assert len(field_rows()) == len(ROWS)


def test_every_field_names_a_test_and_that_test_uses_the_field():
    assert TESTED.keys() == set(leaf_keys(Spec))
    missing = []
    for key, place in TESTED.items():
        file, _, test = place.partition("::")
        if test == test_a_choice_that_is_not_offered_is_refused.__name__ and ROWS[key].choices:
            continue  # Its parameters are the keys of all fields that have choices.
        if key.rpartition(".")[2] not in reached_by(TESTS / "segformer" / f"{file}.py", test):
            missing.append(f"{key}: {place} does not use it; tests/helpers/field_tests.py")
    assert missing == []


@cache
def reached_by(path, test):
    """Return the words of a test and of all that it takes from its file and the fixtures."""
    top = {}
    for file in (
        TESTS / "segformer" / "conftest.py",
        *(HELPERS / f for f in ("pictures.py", "networks.py")),
        path,
    ):
        for node in ast.parse(file.read_text()).body:
            top |= dict.fromkeys(_names_bound_by(node), node)
    text, waiting, seen = "", [test], set()
    while waiting:
        name = waiting.pop()
        if name in seen or name not in top:
            continue
        seen.add(name)
        source = ast.unparse(top[name])
        text += source
        waiting += re.findall(r"\w+", source)
    # A key is also written as keywords: model.head becomes model__head.
    return frozenset(re.findall(r"[^\W_]+(?:_[^\W_]+)*", text))


def _names_bound_by(node):
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        return [node.name]
    targets = node.targets if isinstance(node, ast.Assign) else []
    return [t.id for t in targets if isinstance(t, ast.Name)]


@pytest.mark.parametrize("key", [key for key in BUILT if TAO[key][0] != "?"])
def test_the_default_is_taos_or_the_difference_is_told(key):
    text, _, _ = TAO[key]
    wanted = yaml.safe_load(text) if text not in ("", "???") else ""
    own = ROWS[key].default
    unset = own in ("", None, []) and wanted in ("", None)
    assert own == wanted or unset or key in DIFFERENCES
    assert (key in DIFFERENCES) <= (own != wanted)


@pytest.mark.parametrize("key", [key for key in BUILT if TAO[key][2]])
def test_taos_choices_are_offered(key):
    offered = set(map(str, ROWS[key].choices))
    assert set(TAO[key][2]) - offered == NOT_OFFERED.get(key, set())


@pytest.mark.parametrize("key", [row.key for row in ROWS.values() if row.choices])
def test_a_choice_that_is_not_offered_is_refused(key):
    with pytest.raises(SpecError, match="must be one of"):
        parse(nested({key: "nothing of the kind"}))


@pytest.mark.parametrize("key", [row.key for row in ROWS.values() if row.bounds])
def test_a_value_beyond_the_bounds_is_refused(key):
    low, _, high = ROWS[key].bounds[1:-1].partition(", ")
    beyond = [float(low) - 1] if low != "-inf" else []
    beyond += [float(high) + 1] if high != "inf" else []
    for value in beyond:
        with pytest.raises(SpecError, match="is not allowed: must be"):
            parse(nested({key: int(value) if value.is_integer() else value}))


@pytest.mark.parametrize("key", [row.key for row in ROWS.values() if row.status == "refused"])
def test_a_refused_field_is_named_as_such(key):
    with pytest.raises(
        SpecError, match="is a TAO field of which only the empty default is accepted"
    ):
        parse(nested({key: 1}))


def test_the_command_lists_them_as_text_and_as_json(capsys):
    assert main(["fields", "train.optim.lr"]) == 0
    assert capsys.readouterr().out.strip() == table([ROWS["train.optim.lr"]])
    assert main(["fields", "--json"]) == 0
    assert [row["key"] for row in json.loads(capsys.readouterr().out)] == list(ROWS)
    assert main(["fields", "nothing"]) == 2


def test_the_command_loads_no_torch():
    code = "import sys, segformer.cli as c; c.main(['fields']); assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
