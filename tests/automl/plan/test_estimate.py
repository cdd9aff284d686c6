import os
from dataclasses import replace
from pathlib import Path

import pytest

from automl.errors import UsageError
from automl.experiment.journal import Journal
from automl.experiment.paths import ExperimentPaths
from automl.experiment.settings import Settings
from automl.machine.disk import free_bytes
from automl.plan import room
from automl.plan.estimate import estimate
from automl.skill.info import SkillInfo
from automl.trial.budget import Budget
from automl.trial.objective import Objective

INFO = SkillInfo("toy", True, Path(), stated_epochs_key="epochs", seed_key="seed",
                 data_sources={"train": {"data": {}}})  # fmt: skip
SETTINGS = Settings(
    skill="toy", policy="auto", objectives=(Objective("score", "max"),), budget=Budget(4, 10),
    seed=0,
    spec={"epochs": 10, "seed": 0, "data": "here", "width": 8}, data={"fingerprint": "one"},
)  # fmt: skip


@pytest.fixture
def runs(tmp_path):
    """Return a folder with an experiment: 5 s until trial 0, then 2 s an epoch, 1 s at the end."""
    paths = ExperimentPaths(tmp_path / "past")
    SETTINGS.write(paths.settings)
    journal = Journal(paths.journal)
    journal.append({"event": "opened", "time": 100.0})
    journal.append({"event": "start", "trial": 0, "values": {}, "epochs": 2, "time": 105.0})
    for epoch in (1, 2):
        journal.append({"event": "report", "trial": 0, "epoch": epoch, "metrics": {"score": 1.0},
                        "decision": "continue", "time": 105.0 + 2 * epoch})  # fmt: skip
    journal.append({"event": "finish", "trial": 0, "state": "completed", "time": 109.0})
    journal.append({"event": "closed", "state": "finished", "time": 110.0})
    (paths.trial(0) / "checkpoints").mkdir(parents=True)
    (paths.trial(0) / "checkpoints" / "last").write_bytes(b"0" * 1000)
    return tmp_path


@pytest.mark.parametrize(
    ("budget", "seconds"),
    [
        (Budget(4, 10), 5 + 40 * 2 + 1),
        (Budget(4, 10, budget_epochs=7), 5 + 7 * 2 + 1),
        (Budget(4, 10, time_s=30), 5 + 30 + 1),
    ],
)
def test_time_is_the_measured_pace_times_the_most_that_the_budget_allows(runs, budget, seconds):
    asked = replace(SETTINGS, budget=budget)
    assert estimate(asked, INFO, runs / "new").seconds == seconds


def test_the_time_of_an_equal_search_is_told_beside_it(runs):
    assert estimate(SETTINGS, INFO, runs / "new").seconds_of_same == 10
    asked = replace(SETTINGS, algorithm="tpe")
    assert estimate(asked, INFO, runs / "new").seconds_of_same is None


def test_repeats_of_a_confirmation_count(runs):
    asked = replace(SETTINGS, confirm_seeds=1)
    assert estimate(asked, INFO, runs / "new").seconds == 5 + (40 + 20) * 2 + 1


def test_disk_is_the_largest_trial_times_the_trials(runs):
    told = estimate(SETTINGS, INFO, runs / "new")
    assert (told.bytes_per_trial, told.bytes_in_all) == (1000, 4000)
    timed = replace(SETTINGS, budget=Budget(1_000_000_000, 10, time_s=60))
    assert estimate(timed, INFO, runs / "new").bytes_in_all is None


@pytest.mark.parametrize(
    ("changed", "has_time", "has_disk", "why"),
    [
        ({"data": {"fingerprint": "two"}}, False, True, "its data is other data"),
        ({"spec": {**SETTINGS.spec, "width": 9}}, False, False, "it differs in width"),
        ({"spec": {**SETTINGS.spec, "epochs": 99, "seed": 1, "data": "there"}}, True, True, None),
        ({"skill": "other"}, False, False, "its skill is toy"),
    ],
)
def test_only_an_experiment_that_trained_the_same_is_taken(runs, changed, has_time, has_disk, why):
    told = estimate(replace(SETTINGS, **changed), INFO, runs / "new")
    assert (told.seconds is not None, told.bytes_per_trial is not None) == (has_time, has_disk)
    assert told.why_none == (() if why is None else (f"{runs / 'past'}: {why}",))


def test_a_damaged_or_foreign_neighbour_is_passed_over(runs):
    for name, text in (("torn", "skill: {"), ("foreign", "format: 9\nautoml: 7.0.0")):
        (runs / name).mkdir()
        (runs / name / "settings.yaml").write_text(text)
        (runs / name / "journal.jsonl").touch()
    assert estimate(SETTINGS, INFO, runs / "new").time_source == str(runs / "past")


def test_trials_that_cannot_fit_are_refused_before_anything_is_written(runs, monkeypatch):
    monkeypatch.setattr(room, "PLENTY", 1 << 60)
    room.check_room(SETTINGS, INFO, runs / "new")
    # A sparse file: it takes no room here.
    os.truncate(runs / "past/trials/0000/checkpoints/last", 1 << 42)
    match = rf"--out: only .* are free at .*new, and 4\.4 TB .*as in {runs}/past, 1 at once; free"
    with pytest.raises(UsageError, match=match):
        room.check_room(SETTINGS, INFO, runs / "new")
    assert not (runs / "new").exists()


def test_a_disk_with_plenty_of_room_is_not_compared_with_earlier_experiments(runs, monkeypatch):
    os.truncate(runs / "past/trials/0000/checkpoints/last", 1 << 42)
    monkeypatch.setattr(room, "PLENTY", 1)
    room.check_room(SETTINGS, INFO, runs / "new")


def test_a_disk_that_is_full_is_refused_whatever_is_known(tmp_path, monkeypatch):
    monkeypatch.setattr(room, "PLENTY", 1 << 60)
    monkeypatch.setattr(room, "RESERVE", 1 << 60)
    with pytest.raises(UsageError, match="--out: only .* are free at .*, and .* are needed; free"):
        room.check_room(SETTINGS, INFO, tmp_path / "new")


def test_what_is_free_is_known_of_a_folder_that_is_not_there_yet(tmp_path):
    assert free_bytes(tmp_path / "a" / "b") == pytest.approx(free_bytes(tmp_path), rel=0.2)
