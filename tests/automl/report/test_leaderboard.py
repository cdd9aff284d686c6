import json

import pytest
from made import closed, finish, made_experiment, report, start

from automl.report.leaderboard import leaderboard, write_results


@pytest.fixture
def experiment(tmp_path):
    return made_experiment(
        tmp_path / "exp",
        start(0, {"lr": 0.1}), report(0, 1, 0.2), finish(0),
        start(1, {"lr": 0.5}), report(1, 1, 0.1), report(1, 2, 0.6), finish(1, "stopped"),
        start(2, {"lr": 0.9}), finish(2, "failed", "crashed"), closed(),
    )  # fmt: skip


def test_trials_are_rows_best_first_and_failed_ones_last(experiment):
    board = leaderboard(experiment)
    assert board["trial"].tolist() == [1, 0, 2]
    assert board["state"].tolist() == ["stopped", "completed", "failed"]
    assert board["lr"].tolist() == [0.5, 0.1, 0.9]
    assert board["score"].isna().tolist() == [False, False, True]


def test_the_best_is_written_with_its_epoch_and_its_folder(experiment):
    write_results(experiment)
    best = json.loads(experiment.paths.best.read_text())
    assert (best["trial"], best["value"], best["epoch"]) == (1, 0.6, 2)
    assert best["folder"] == "trials/0001"
    assert experiment.paths.leaderboard.read_text().startswith("trial,score,epoch,")


def test_without_a_value_there_is_no_best(tmp_path):
    experiment = made_experiment(tmp_path / "exp", start(0), finish(0, "failed", "crashed"))
    write_results(experiment)
    assert not experiment.paths.best.exists()
