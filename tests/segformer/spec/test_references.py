"""References of a spec are resolved as OmegaConf resolves them for TAO."""

import pytest

from segformer.errors import SpecError
from segformer.spec.references import with_references_resolved

# As the export spec of NVIDIA's tutorial has them.
TUTORIAL = {
    "results_dir": "/results",
    "export.results_dir": "${results_dir}/export",
    "export.onnx_file": "${export.results_dir}/segformer.onnx",
}


def test_a_chain_of_references_is_followed():
    resolved = with_references_resolved(TUTORIAL)
    assert resolved["export.onnx_file"] == "/results/export/segformer.onnx"


@pytest.mark.parametrize(
    ("reference", "value"),
    [
        ("${train.num_epochs}", 4),
        ("${.num_epochs}", 4),
        ("${..results_dir}/a", "out/a"),
        ("${ results_dir }", "out"),
        ("${oc.env:WHERE}/a", "/data/a"),
        ("${oc.env:NOWHERE,b}", "b"),
        ("${oc.env:NOWHERE,null}", None),
        ("${oc.env:NOWHERE,${results_dir}}", "out"),
        ("${train.optim.betas}", [0.9, 0.99]),
        (["${results_dir}/a", 1], ["out/a", 1]),
        ({"a": "${results_dir}"}, {"a": "out"}),
    ],
)
def test_a_reference_is_what_it_stands_for(reference, value):
    flat = {"results_dir": "out", "train.num_epochs": 4, "train.optim.betas": [0.9, 0.99]}
    resolved = with_references_resolved({**flat, "train.x": reference}, {"WHERE": "/data"})
    assert resolved == {**flat, "train.x": value}


@pytest.mark.parametrize(
    ("reference", "reason"),
    [
        ("${reslts_dir}", r"reslts_dir is not set in this spec; did you mean results_dir\?"),
        ("${train.num_epochs}", "train.num_epochs is not set in this spec"),
        ("${wandb}", "wandb is a section, not a value"),
        ("${dataset.root_dir}/x", "dataset.root_dir is not set"),
        ("${empty}/x", r"\$\{empty\} is empty, and can be no part of a text"),
        ("${tags}/x", "is a list or a section, and can be no part of a text"),
        ("${train.x}", "it leads to itself by train.x"),
        ("${round}", "it leads to itself by train.x"),
        ("${oc.env:NOWHERE}", "the environment variable NOWHERE is not set"),
        ("${oc.env:LOOP}", "the environment variable LOOP holds a reference itself"),
        ("${now:%Y}", r"only keys of this spec and \$\{oc.env:NAME\} are"),
        ("${results_dir", r"a \$\{ is not closed"),
    ],
)
def test_a_reference_that_leads_nowhere_is_refused(reference, reason):
    flat = {
        "results_dir": "out", "wandb.name": "a", "dataset.root_dir": "???", "empty": "",
        "tags": ["a"], "round": "${train.x}", "train.x": reference,
    }  # fmt: skip
    with pytest.raises(SpecError, match=f"(?m)^train.x: .* is not allowed: .*{reason}"):
        with_references_resolved(flat, {"LOOP": "${oc.env:LOOP}"})
