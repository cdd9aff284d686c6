import pytest
import yaml
from paths import LOGISTIC

from automl.plan.plan import plan_from_request
from automl.request.experiment_file import read_experiment_file
from automl.request.options import RUN_OPTIONS
from automl.request.request import request_from_options
from automl.request.template import experiment_template

LOCAL = {"runner": "local", "tracker": "none"}


@pytest.mark.parametrize("skill", ["toy", "segformer", str(LOGISTIC)])
def test_the_file_of_init_says_the_skill_and_with_every_line_uncommented_every_key(skill, tmp_path):
    text = experiment_template(skill)
    (tmp_path / "file.yaml").write_text(text)
    assert read_experiment_file(tmp_path / "file.yaml") == {"skill": skill}
    keys = {line[2:].partition(":")[0] for line in text.splitlines() if line.startswith("# ")}
    for name in keys & RUN_OPTIONS.keys():
        (tmp_path / "file.yaml").write_text(text.replace(f"\n# {name}: ", f"\n{name}: "))
        assert set(read_experiment_file(tmp_path / "file.yaml")) == {"skill", name}
        # What one option needs another for.
        needed = {"request_model": {"request": "two hours"}, "budget_cost": {"price_per_hour": 2}}
        request_from_options(needed.get(name, {}), file=tmp_path / "file.yaml")
    assert keys >= RUN_OPTIONS.keys() - {"skill"}


def test_the_examples_of_the_search_are_of_the_skills_own_space(toy_data, tmp_path):
    text = experiment_template("toy").replace("# search:", "search:").replace("# data:", "data:")
    path = tmp_path / "file.yaml"
    path.write_text(text.replace("my_data", str(toy_data)))
    plan = plan_from_request(request_from_options(LOCAL, file=path))
    assert plan.space.parameters["train.lr"].is_log


def test_init_and_run_from_a_file_end_to_end(automl, toy_data, tmp_path):
    assert automl("init", "--skill", "toy", "mine.yaml").returncode == 0
    again = automl("init", "--skill", "toy", "mine.yaml")
    assert (again.returncode, "already exists" in again.stderr) == (2, True)
    with (tmp_path / "mine.yaml").open("a") as file:
        file.write("runner: local\ntracker: none\nout: exp\ntrials: 1\n")
    result = automl("run", "mine.yaml", f"data={toy_data}", "learning_rate=2e-2", "--quiet")
    assert result.returncode == 0, result.stderr
    assert "lr: 0.02" in (tmp_path / "exp" / "trials" / "0000" / "spec.yaml").read_text()
    command = yaml.safe_load((tmp_path / "exp" / "settings.yaml").read_text())["command"]
    assert command[1:4] == ["run", "mine.yaml", f"data={toy_data}"]


def test_every_option_is_a_comment_but_the_skill():
    lines = experiment_template("toy").splitlines()
    assert [line for line in lines if line and not line.startswith("#")] == ["skill: toy"]
    assert "# trials of the search (default: 20)" in lines
