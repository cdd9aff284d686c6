import json
from argparse import Namespace

from experiments.recipe.camvid import interval, results, table
from experiments.recipe.plain import one_cycle


def row(method, seed, miou, **changes):
    return {"method": method, "seed": seed, "data": "d", "minutes": 1, "size": 32, "wall_s": 60.0,
            "test_miou": miou, **changes}  # fmt: skip


def test_the_difference_is_of_the_seeds_that_both_have():
    rows = [row("automl", 0, 0.5), row("automl", 1, 0.6), row("plain", 1, 0.4)]
    lines = table(rows)
    assert lines[2].startswith("| automl | 2 | 0.5500 +- 0.63")
    assert lines[3] == "| plain | 1 | 0.4000 | 60 | 0.2000 |"
    assert interval([0.4, 0.4, 0.4]) == "0.4000 +- 0.0000"


def test_results_are_of_the_same_task_and_survive_a_stop(tmp_path):
    rows = [row("plain", 0, 0.4), row("plain", 1, 0.5, minutes=2)]
    (tmp_path / "results.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows))
    options = Namespace(out=tmp_path, data=tmp_path / "d", minutes=1, size=32)
    assert results(options) == rows[:1]


def test_one_cycle_rises_and_falls_to_nothing():
    assert [one_cycle(share) for share in (0.05, 0.1, 1.0)] == [0.5, 1.0, 0.0]
