"""The recipe without one of its parts."""

import json

from automl.schema.spec import flatten, with_values
from experiments.recipe import centre
from segformer.data.sample import write_sample
from segformer.skill import skill


def test_each_part_changes_the_recipe_and_makes_a_spec(tmp_path):
    write_sample(tmp_path / "data", seed=0)
    recipe = centre.recipe_of("isbi", tmp_path / "data", tmp_path)
    assert recipe["train"]["segment"]["loss"] == "ce_lovasz"
    assert recipe["train"]["num_epochs"] == 40 and not (tmp_path / "none-isbi").exists()
    before = flatten(recipe)
    for changes in centre.PARTS.values():
        assert any(before[key] != value for key, value in changes.items())
        skill.resolve("train", flatten(with_values(recipe, changes)))


def test_the_table_has_differences_seed_by_seed(tmp_path, capsys):
    rows = [
        {"part": part, "data": "isbi", "seed": seed, "val_miou": base + 0.1 * seed}
        for part, base in (("base", 0.5), ("no average", 0.52)) for seed in (0, 1)
    ]  # fmt: skip
    path = tmp_path / "centre.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    centre.report(path)
    text = capsys.readouterr().out
    assert "| no average | 0.0200 +- 0.0000 |" in text and "| full colour |  |" in text
