import json

import pytest

from automl.cli import main

ROW = {
    "key", "type", "low", "high", "scale", "choices", "weights", "default", "active_when",
    "conditions",
}  # fmt: skip


def test_check_prints_its_json_form_and_succeeds(capsys):
    assert main(["skill", "check", "segformer", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert set(told) == {"skill", "ok", "problems", "parameters"}
    assert (told["skill"], told["ok"], told["problems"]) == ("segformer", True, [])
    assert all(set(row) == ROW for row in told["parameters"])


def test_check_fails_with_file_key_and_message(capsys, tmp_path):
    content = {"properties": {"lr": {"type": "float", "minimum": "low"}}}
    (tmp_path / "train.schema.json").write_text(json.dumps(content))
    assert main(["skill", "check", str(tmp_path), "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert told["problems"] == [
        {
            "file": "train.schema.json", "key": "lr", "message": "minimum 'low' is not a number",
            "is_warning": False,
        }
    ]  # fmt: skip
    assert main(["skill", "check", str(tmp_path)]) == 1
    assert "problem: train.schema.json: lr: minimum 'low'" in capsys.readouterr().out


def test_show_documents_each_parameter(capsys):
    assert main(["skill", "show", "segformer", "--space", "edge"]) == 0
    text = capsys.readouterr().out
    for part in (
        "train.optim.lr\n",
        "log scale from 1e-05 to 0.01, default 6e-05",
        "active when dataset.segment.augmentation.random_flip.enable = True",
        "'efficientnet_lite0' (weight 2)",
        "searched because: schema: automl_default_parameters",
    ):
        assert part in text  # fmt: skip
    assert main(["skill", "show", "segformer", "--space", "default", "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["parameters"]) == 16


@pytest.mark.parametrize("words", [[], ["--searcher", "random"], ["--searcher", "tpe"]])
def test_sample_prints_suggestions_as_json_lines_the_same_for_a_seed(capsys, words):
    command = ["skill", "sample", "segformer", "--n", "5", "--search", "train.optim.lr=log(1,2)"]
    assert main([*command, *words]) == 0
    first = capsys.readouterr().out
    suggestions = [json.loads(line) for line in first.splitlines()]
    assert len(suggestions) == 5
    assert all(1 <= values["train.optim.lr"] <= 2 for values in suggestions)
    assert main([*command, *words]) == 0
    assert capsys.readouterr().out == first
    assert main([*command, *words, "--seed", "1"]) == 0
    assert capsys.readouterr().out != first


@pytest.mark.parametrize(
    ("words", "match"),
    [
        (["check", "segfromer"], "did you mean segformer?"),
        (["check", "./none"], "none: no such folder"),
        (["sample", "segformer", "--n", "0"], "--n: 0 is not allowed"),
        (["sample", "segformer", "--searcher", "tbe"], "'tbe' is not one of"),
        (["show", "segformer", "--fix", "train.optim.lr=-1"], "train.optim.lr: -1 is not allowed"),
    ],
)
def test_mistakes_are_one_line_and_exit_2(capsys, words, match):
    assert main(["skill", *words]) == 2
    assert match in capsys.readouterr().err
