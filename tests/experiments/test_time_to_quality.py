"""Seconds to a quality: what counts of a search, and a search of another library."""

import argparse
import time
from functools import partial

import optuna
import pytest
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend

from automl.search.proposers.optuna import params_of
from automl.space.space import Parameter, SearchSpace
from experiments.rows import rows_of
from experiments.time_to_quality import (
    Task,
    draw,
    report,
    search_by_optuna,
    seconds_to,
    steps_of,
    values_of,
)
from segformer.data.sample import write_sample


def test_only_finite_improvements_within_the_time_count():
    values = [(11.0, 0.2), (13.0, 0.1), (12.0, float("nan")), (15.0, 0.4), (21.0, 0.9)]
    assert steps_of(values, began=10.0, limit=10.0) == [[1.0, 0.2], [5.0, 0.4]]


def row(method, seed, *steps):
    return {"method": method, "seed": seed, "minutes": 1.0, "steps": [list(s) for s in steps]}


def test_a_search_that_never_gets_there_counts_with_its_whole_time():
    assert seconds_to(row("ray", 0, (5.0, 0.3), (9.0, 0.5)), 0.5) == 9.0
    assert seconds_to(row("ray", 0, (5.0, 0.3)), 0.5) == 60.0


def test_the_target_is_a_share_of_what_random_search_found_and_seeds_are_paired():
    rows = [
        row("automl", 0, (10.0, 0.4)), row("automl", 1, (20.0, 0.5)),
        row("ray", 0, (20.0, 0.4)), row("ray", 1, (40.0, 0.3)), row("random", 0, (50.0, 0.4)),
    ]  # fmt: skip
    lines = report(rows, share=0.95)
    assert "0.3800" in lines[0]
    # Twice as long with seed 0; with seed 1 never, so 60 s for 20 s.
    assert [line.split("|")[-2].strip() for line in lines[2:4]] == ["1.00", f"{6**0.5:.2f}"]


SPACE = SearchSpace(
    {
        "rate": Parameter("rate", "float", 0.01, low=0.001, high=0.1, is_log=True),
        "kind": Parameter("kind", "str", "a", choices=("a", "b", "c")),
    },
    {},
)


def test_values_become_params_and_values_again():
    values = {"rate": 0.05, "kind": "c"}
    assert values_of(SPACE, params_of(SPACE, values)) == pytest.approx(values)


def test_ray_tune_sees_all_that_is_drawn_and_begins_with_the_defaults():
    from ray.tune.search.optuna import OptunaSearch

    search = OptunaSearch(
        space=partial(draw, space=SPACE), metric="m", mode="max", seed=0,
        points_to_evaluate=[params_of(SPACE, SPACE.defaults())],
    )  # fmt: skip
    first, second, third = (values_of(SPACE, search.suggest(str(n))) for n in range(3))
    assert first == pytest.approx(SPACE.defaults())
    assert second.keys() == third.keys() == SPACE.parameters.keys()
    assert second["rate"] != third["rate"]


@pytest.mark.slow
def test_optuna_trains_the_defaults_first_and_notes_every_epoch(tmp_path):
    write_sample(tmp_path / "data", seed=0)
    overrides = [
        "model.backbone.type=efficientnet_lite0", "dataset.segment.img_size=32",
        "model.decode_head.decoder_params.embed_dim=16", "dataset.segment.workers=0",
    ]  # fmt: skip
    options = argparse.Namespace(
        data=tmp_path / "data", out=tmp_path, space="default", weights="none", epochs=1,
        overrides=overrides, seeds=[0], worker=0, workers=1,
    )  # fmt: skip
    search_by_optuna(options, tmp_path / "values.jsonl", until=time.time())
    rows = rows_of(tmp_path / "values.jsonl")
    assert rows and all(0 <= row["value"] <= 1 for row in rows)
    storage = JournalStorage(JournalFileBackend(str(tmp_path / "optuna.log")))
    first = optuna.load_study(study_name="study", storage=storage).trials[0]
    space = Task(options).space
    assert values_of(space, first.params) == pytest.approx(space.defaults())
