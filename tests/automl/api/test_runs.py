import shlex
import subprocess
import sys

import pytest
import yaml
from searched import LOCAL

import automl
from automl.api.runs import RunOptions
from automl.request.options import RUN_OPTIONS
from automl.request.parsing import parsed_options
from automl.request.request import request_from_options


def test_a_run_gives_the_finished_experiment_with_a_frame_of_its_trials(experiment):
    assert experiment.state == "finished"
    frame = experiment.trials
    assert list(frame["trial"]) == [trial.number for trial in experiment.ranking()]
    assert frame["score"].is_monotonic_decreasing
    assert set(frame.columns) >= {"trial", "score", "epochs", "state", "train.lr"}
    assert frame.iloc[0]["trial"] == experiment.best.number
    assert experiment.settings.spec["train"]["width"] == 9


def test_the_record_has_the_command_that_asks_for_the_same(experiment):
    command = yaml.safe_load(experiment.paths.settings.read_text())["command"]
    assert command[:2] == ["automl", "run"]
    line = shlex.join(command)
    assert "--trials 4" in line and "--fix train.width=9" in line


def test_progress_is_told_on_stderr_unless_it_is_to_be_quiet(tmp_path, capsys):
    (tmp_path / "data").mkdir()
    for name, quiet in (("told", False), ("quiet", True)):
        automl.run(**LOCAL, data=tmp_path / "data", trials=1, out=tmp_path / name, quiet=quiet)
        told = capsys.readouterr()
        assert ("trial 0000" in told.err) is not quiet and told.out == ""


def test_the_keywords_are_the_keys_of_the_file():
    assert list(RunOptions.__annotations__) == list(RUN_OPTIONS)


def test_a_file_says_what_the_keywords_do_not(tmp_path):
    (tmp_path / "file.yaml").write_text("skill: toy\ntrials: 9\nepochs: 2\nspec: {train.lr: 1}\n")
    said = parsed_options({"trials": 3, "spec": {"train": {"width": 4}}}, source="automl.run")
    request = request_from_options(said, file=tmp_path / "file.yaml")
    assert (request.search.trials, request.search.epochs) == (3, 2)
    assert request.overrides == {"train.lr": 1, "train.width": 4}


@pytest.mark.parametrize(
    ("keywords", "match"),
    [
        ({"trials": "3"}, "automl.run: trials: '3' is not allowed: must be a whole number"),
        ({"spec": {"train.lrr": 1}}, "train.lrr: unknown key; did you mean train.lr?"),
        ({"skill": "tou"}, "did you mean toy?"),
        ({"trails": 3}, "automl.run: trails: unknown key; did you mean trials?"),
        ({"data": 3}, "automl.run: data: 3 is not allowed: must be a text"),
        ({"out": 3}, "automl.run: out: 3 is not allowed: must be a text"),
    ],
)
def test_a_fault_of_the_user_is_a_usage_error(tmp_path, keywords, match):
    with pytest.raises(automl.UsageError, match=match):
        automl.run(**{**LOCAL, "data": tmp_path, "out": tmp_path / "exp", **keywords})
    assert not (tmp_path / "exp").exists()


def test_a_failed_run_raises_and_can_be_loaded(tmp_path):
    with pytest.raises(automl.RunFailed, match="crashed: ValueError: toy: broke"):
        automl.run(**LOCAL, data=tmp_path, out=tmp_path / "exp", spec={"train.fail": "crash"})
    failed = automl.Experiment.load(tmp_path / "exp")
    assert (failed.state, failed.best) == ("failed", None)
    assert "failed" in failed._repr_html_()


def test_it_is_said_on_stderr_which_words_turned_the_search_off(tmp_path, capsys):
    (tmp_path / "data").mkdir()
    experiment = automl.run(
        **LOCAL, data=tmp_path / "data", out=tmp_path / "exp", request="train it, no HPO please"
    )
    assert experiment.settings.policy == "off"
    assert "read as --policy off: 'no HPO please'" in capsys.readouterr().err


def test_callbacks_see_the_experiment_grow(tmp_path):
    (tmp_path / "data").mkdir()
    seen = []
    automl.run(
        **LOCAL, data=tmp_path / "data", trials=2, epochs=2, out=tmp_path / "exp", quiet=True,
        callbacks=[lambda e: seen.append((e.state, len(e.history.trials), e.best is None))],
    )  # fmt: skip
    assert seen[0] == ("running", 1, True) and seen[-1] == ("running", 2, False)


def test_a_loop_follows_a_search_and_leaving_it_stops_the_search(tmp_path):
    (tmp_path / "data").mkdir()
    options = {**LOCAL, "data": tmp_path / "data", "trials": 2, "epochs": 2}
    with pytest.raises(automl.UsageError, match="did you mean trials"):
        automl.iterate(**LOCAL, data=tmp_path / "data", trails=2)
    for experiment in automl.iterate(**options, out=tmp_path / "exp"):
        if experiment.best is not None:
            break
    left = automl.Experiment.load(tmp_path / "exp")
    assert (left.state, len(left.history.trials)) == ("stopped", 1)
    assert left.resume(quiet=True).state == "finished"


def test_importing_automl_loads_nothing_heavy_and_names_what_there_is():
    code = (
        "import automl, sys; assert 'run' in dir(automl) and not hasattr(automl, 'nothing')\n"
        "print([m for m in ('pandas', 'yaml', 'ray', 'torch', 'mlflow') if m in sys.modules])"
    )
    command = [sys.executable, "-c", code]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"
