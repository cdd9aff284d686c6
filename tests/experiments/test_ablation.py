from argparse import Namespace

import pytest
from pictures import data_set

from experiments.recipe import ablation
from experiments.recipe.ablation import (
    BASE,
    PARTS,
    base_settings,
    parts_of,
    run,
    table,
    third_of,
)
from experiments.rows import rows_of
from segformer.spec import parse
from segformer.spec.overrides import nested


def row(part, miou, seed=0):
    return {"part": part, "data": "isbi", "seed": seed, "val_miou": miou}


@pytest.mark.parametrize("part", PARTS)
def test_every_part_changes_the_spec(part):
    if part not in parts_of(list(PARTS)):
        pytest.skip("the package of the weights is not installed")
    base = base_settings()
    assert parse(nested({**base, **PARTS[part]})) != parse(nested(base))


def test_differences_are_those_of_the_seeds_that_both_have():
    rows = [row(BASE, 0.5), row(BASE, 0.6, seed=1), row("focal", 0.4), row("focal", 0.4, seed=2)]
    lines = table(rows)
    assert lines[2].startswith("| base (mIoU) | 0.5500 +- ")
    assert lines[3:] == ["| focal | -0.1000, 1 |"]


def test_a_third_of_the_data_is_every_third_training_image(tmp_path):
    root = data_set(tmp_path / "a", train=5)
    (root / "dataset.json").write_text("{}")
    third = third_of(root, tmp_path / "b")
    names = [path.name for path in sorted((root / "images/train").iterdir())]
    for kind in ("images", "masks"):
        links = sorted((third / kind / "train").iterdir())
        assert [path.name for path in links] == names[::3]
        assert all(path.is_file() for path in links)
        assert any((third / kind / "val").iterdir())


@pytest.mark.slow
def test_a_cell_is_trained_once(tmp_path, monkeypatch, capsys):
    small = {"dataset.segment.img_size": 32, "train.num_epochs": 1}
    monkeypatch.setitem(ablation._TASKS, "isbi", small)
    options = Namespace(
        out=tmp_path, isbi=data_set(tmp_path / "data", train=4), camvid=None, seeds=[0],
        parts=["ce_lovasz"],
    )  # fmt: skip
    for _ in range(2):
        run(options, tmp_path / "ablation.jsonl")
    rows = rows_of(tmp_path / "ablation.jsonl")
    assert [row["part"] for row in rows] == [BASE, "ce_lovasz"]
    assert len(capsys.readouterr().out.splitlines()) == 2
    assert rows[0]["val_miou"] >= 0 and not (tmp_path / "cell_isbi").exists()
