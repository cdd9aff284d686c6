"""SegBench-micro: its data sets, its file, and what a search learns from it."""

import json

import numpy as np
import pytest
from PIL import Image

from automl.plan.transfer import transfer_trials
from automl.skill.installed import load_skill
from experiments.rows import rows_of
from experiments.segbench import collect
from experiments.segbench.data_sets import DATA_SETS, SIDE, write_data_set
from experiments.segbench.leave_one_out import Table, play

EPOCHS = collect.EPOCHS


def test_a_generated_data_set_is_small_and_the_same_each_time(tmp_path):
    for name in ("cells-few", "rare-noisy"):
        first = write_data_set(name, {}, tmp_path / "a")
        again = write_data_set(name, {}, tmp_path / "b")
        images = sorted((first / "images" / "train").iterdir())
        assert len(images) == DATA_SETS[name].train
        for path in first.rglob("*.png"):
            assert path.read_bytes() == (again / path.relative_to(first)).read_bytes()
            with Image.open(path) as image:
                assert max(image.size) == SIDE
            if "masks" in path.parts:
                assert np.unique(np.asarray(Image.open(path))).max() <= 3


def test_a_scene_is_divided_by_time(tmp_path):
    for part in ("images", "masks"):
        (tmp_path / "video" / part / "train").mkdir(parents=True)
        for number in range(90):
            for scene in ("0001TP", "0006R0"):
                pixels = np.full((6, 8), number, np.uint8)
                path = tmp_path / "video" / part / "train" / f"{scene}_{number:03d}.png"
                Image.fromarray(pixels).save(path)
    (tmp_path / "video" / "dataset.json").write_text("{}")
    folder = write_data_set("camvid-0001TP", {"camvid": tmp_path / "video"}, tmp_path / "out")
    train, val = (
        sorted(p.stem for p in (folder / "images" / split).iterdir()) for split in ("train", "val")
    )
    assert (len(train), len(val)) == (24, 12)
    assert train[-1] < val[0] and all(name.startswith("0001TP") for name in train + val)


@pytest.fixture(scope="module")
def task(tmp_path_factory):
    """Return a folder with the data of a task and the space."""
    folder = tmp_path_factory.mktemp("task")
    write_data_set("cells", {}, folder / "data")
    collect.space_without_conditions(folder / "space.yaml")
    return folder


@pytest.fixture(scope="module")
def plan(task):
    return collect.plan_of("cells/mit-b0", task)


@pytest.fixture
def rows(plan, monkeypatch):
    """Return made-up curves of eight configurations on two tasks."""
    monkeypatch.setattr(collect, "TASKS", ["cells/mit-b0", "rare/lite0"])
    rng = np.random.default_rng(0)
    made = []
    for number in range(8):
        values = collect.configuration(plan.space, number)
        for task in collect.TASKS:
            reached = EPOCHS if (number, task) != (5, "rare/lite0") else 2
            curve = np.sort(rng.random(reached)).astype(np.float32).tolist()
            made.append(
                {"configuration": number, "task": task, "values": values, "val_miou": curve,
                 "seconds": curve, "memory_mb": curve, "fault": None if reached > 2 else "diverged"}
            )  # fmt: skip
    return made


def test_the_first_configuration_is_the_recipe_and_every_second_is_near_it(plan):
    drawn = [collect.configuration(plan.space, number) for number in range(9)]
    assert drawn[0] == plan.space.defaults()
    for number, values in enumerate(drawn):
        assert not list(plan.space.faults(values))
        assert values == collect.configuration(plan.space, number)
        changed = sum(values.get(key) != value for key, value in drawn[0].items())
        if number:
            assert changed > 10 if number % 2 else 0 < changed < 15


def test_what_is_packed_is_taken_up_again_and_makes_the_table(rows, task, tmp_path):
    path = tmp_path / "segbench.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    collect.pack(path, task, tmp_path / "packed.npz")
    collect.unpack(tmp_path / "again.jsonl", tmp_path / "packed.npz")
    again = {(r["configuration"], r["task"]): r for r in rows_of(tmp_path / "again.jsonl")}
    for row in rows:
        other = again[row["configuration"], row["task"]]
        assert other["val_miou"] == row["val_miou"] and other["values"] == row["values"]
        assert (other["fault"] is None) == (row["fault"] is None)
    assert not {key for key in again if key in set(collect.missing(tmp_path / "again.jsonl"))}
    with pytest.raises(SystemExit, match="exists already"):
        collect.unpack(path, tmp_path / "packed.npz")
    collect.table(path, tmp_path / "transfer.json")
    content = json.loads((tmp_path / "transfer.json").read_text())
    assert [trial["scores"][1] is None for trial in content["trials"]].index(True) == 5
    table = Table(tmp_path / "packed.npz")
    regrets = play(table, 0, seed=0, transfer=table.others(1))
    assert regrets == sorted(regrets, reverse=True) and 0 <= min(regrets) <= max(regrets) <= 1


@pytest.mark.slow
def test_a_training_of_a_task_has_a_curve(plan, tmp_path):
    row = collect.train(load_skill("segformer"), plan, 0, tmp_path / "trial")
    assert len(row["val_miou"]) == len(row["seconds"]) == EPOCHS
    assert row["fault"] is None and row["val_miou"][-1] > 0.2
    assert row["seconds"] == sorted(row["seconds"]) and min(row["memory_mb"]) > 100


def test_the_trials_that_come_with_segformer_fit_its_own_space(plan):
    trials = transfer_trials(load_skill("segformer").info, plan.settings, plan.space)
    assert len(trials) >= 10
    for trial in trials:
        assert set(trial.values) <= set(plan.space.parameters)
        assert not list(plan.space.faults(trial.values))
