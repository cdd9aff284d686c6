from pathlib import Path

from automl.experiment.paths import ExperimentPaths


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
