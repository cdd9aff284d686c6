import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from segformer.cli import main
from segformer.describe.differences import DIFFERENCES
from segformer.describe.field_list import field_rows, table
from segformer.errors import SpecError
from segformer.spec.faults import leaf_keys
from segformer.spec.overrides import nested
from segformer.spec.spec import Spec, parse

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


def test_every_field_has_a_test_that_is_there_and_speaks_of_it():
    missing = []
    for row in ROWS.values():
        file, _, test = row.test.partition("::")
        path = HERE / f"{file}.py"
        text = path.read_text() if path.is_file() else ""
        names = {node.name for node in ast.parse(text).body if isinstance(node, ast.FunctionDef)}
        spoken = row.status == "refused" or row.key.rpartition(".")[2] in _spoken(text)
        if test not in names or not spoken:
            missing.append(f"{row.key}: {row.test}; name it in segformer/describe/differences.py")
    assert missing == []


def _spoken(text):
    """Return the test file with the fixtures that it may take its spec from."""
    return text + (HERE / "conftest.py").read_text()


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
    with pytest.raises(SpecError, match="is a TAO field that this version does not have yet"):
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
