from pathlib import Path

import pytest

from automl.cli.flags import user_path
from automl.errors import UsageError
from automl.experiment.paths import ExperimentPaths, experiment_folder
from automl.plan.checks import check_is_new


def test_every_file_has_a_name_of_its_own_in_the_folder():
    paths = ExperimentPaths(Path("runs/exp"))
    names = [n for n, member in vars(ExperimentPaths).items() if isinstance(member, property)]
    files = {getattr(paths, name) for name in names}
    assert len(files) == len(names)
    shared = {paths.tracking_database, paths.jobs}
    assert files - shared == {f for f in files if f.is_relative_to(paths.root)}
    assert shared == {Path("runs/mlflow.db"), Path("runs/jobs.db")}


def test_trials_sort_by_their_number():
    paths = ExperimentPaths(Path("exp"))
    assert paths.trial(7) == Path("exp/trials/0007")
    assert sorted(map(str, (paths.trial(n) for n in (2, 10, 999)))) == [
        str(paths.trial(n)) for n in (2, 10, 999)
    ]


def test_an_experiment_exists_once_its_settings_do(tmp_path):
    paths = ExperimentPaths(tmp_path)
    assert not paths.exists()
    paths.settings.touch()
    assert paths.exists()


def test_a_run_that_was_killed_at_its_birth_is_written_over_by_the_next(tmp_path):
    paths = ExperimentPaths(tmp_path)
    for name in ("schema.json", ".space.yaml.123", ".settings.yaml.123"):
        (tmp_path / name).touch()
    (tmp_path / ".data/0-summary").mkdir(parents=True)
    check_is_new(paths)
    with pytest.raises(UsageError, match="killed before its experiment began.* automl run"):
        experiment_folder(tmp_path)
    (tmp_path / "notes.txt").touch()
    with pytest.raises(UsageError, match="is not empty"):
        check_is_new(paths)


def test_a_users_own_data_is_not_what_a_killed_run_left(tmp_path):
    (tmp_path / "data/images").mkdir(parents=True)
    with pytest.raises(UsageError, match="is not empty"):
        check_is_new(ExperimentPaths(tmp_path))


def test_an_experiment_whose_settings_are_gone_is_not_taken_for_one_that_never_began(tmp_path):
    (tmp_path / "schema.json").write_text("{}")
    (tmp_path / "journal.jsonl").write_text("")
    with pytest.raises(UsageError, match=r"settings\.yaml is gone, .* put it back"):
        experiment_folder(tmp_path, tmp_path / "runs")


def test_a_home_in_quotes_is_the_home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "exp").mkdir()
    (tmp_path / "exp/settings.yaml").touch()
    assert experiment_folder("~/exp") == tmp_path / "exp"
    assert user_path("~/a.html") == tmp_path / "a.html"
