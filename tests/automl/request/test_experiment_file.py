import argparse

import pytest
import yaml
from paths import LOGISTIC, ROOT

from automl.cli import run as run_command
from automl.cli.flags import options_from_flags
from automl.errors import UsageError
from automl.plan.plan import plan_from_request
from automl.request.command_line import options_from_words
from automl.request.experiment_file import read_experiment_file
from automl.request.options import RUN_OPTIONS
from automl.request.request import Request, request_from_options
from automl.request.template import experiment_template
from automl.schema.schema import Schema
from automl.search.options import canonical_name
from automl.skill.info import schema_path
from automl.skill.installed import load_skill

EXPERIMENTS = ROOT / "experiments"
OF_THE_TERMINAL = {"help", "json", "quiet", "dry_run"}
"""Flags that say how the command talks, and nothing of the run."""
LOCAL = {"runner": "local", "tracker": "none"}


def parser():
    commands = argparse.ArgumentParser().add_subparsers()
    run_command.add(commands)
    return commands.choices["run"]


@pytest.fixture
def ask(tmp_path):
    """Return a function: the request of a file's text and the words of a command."""

    def call(text, *words):
        path = tmp_path / "file.yaml"
        path.write_text(text)
        arguments, rest = parser().parse_known_args([str(path), *words])
        file, said = options_from_words(
            [*arguments.overrides, *rest], options_from_flags(arguments)
        )
        return request_from_options(said, file=file)

    return call


def test_every_flag_of_run_is_a_key_and_every_key_is_a_flag():
    flags = {a.dest for a in parser()._actions if a.option_strings}
    assert flags - OF_THE_TERMINAL == {name for name, option in RUN_OPTIONS.items() if option.flag}
    assert RUN_OPTIONS.keys() - flags == {"spec"}


def test_the_defaults_that_are_told_hold(toy_data):
    request = Request(skill="toy", data=str(toy_data), **{"tracker": "none"})
    plan = plan_from_request(request)
    settings = plan.settings
    told = {name: option.default for name, option in RUN_OPTIONS.items() if option.default}
    held = {
        "trials": settings.budget.trials,
        "confirm_seeds": settings.confirm_seeds,
        "stop_rule": settings.stop_rule,
        "algorithm": settings.algorithm,
        "policy": settings.policy,
        "seed": settings.seed,
        "tracker": Request(skill="toy").tracker,
    }
    assert {name: told[name] for name in held} == {n: str(value) for n, value in held.items()}


@pytest.mark.parametrize("skill", ["toy", "segformer", str(LOGISTIC)])
def test_the_file_of_init_says_the_skill_and_with_every_line_uncommented_every_key(skill, tmp_path):
    text = experiment_template(skill)
    (tmp_path / "file.yaml").write_text(text)
    assert read_experiment_file(tmp_path / "file.yaml") == {"skill": skill}
    keys = {line[2:].partition(":")[0] for line in text.splitlines() if line.startswith("# ")}
    for name in keys & RUN_OPTIONS.keys():
        (tmp_path / "file.yaml").write_text(text.replace(f"\n# {name}: ", f"\n{name}: "))
        assert set(read_experiment_file(tmp_path / "file.yaml")) == {"skill", name}
        request_from_options({}, file=tmp_path / "file.yaml")
    assert keys >= RUN_OPTIONS.keys() - {"skill"}


def test_the_examples_of_the_search_are_of_the_skills_own_space(toy_data, tmp_path):
    text = experiment_template("toy").replace("# search:", "search:").replace("# data:", "data:")
    path = tmp_path / "file.yaml"
    path.write_text(text.replace("my_data", str(toy_data)))
    plan = plan_from_request(request_from_options(LOCAL, file=path))
    assert plan.space.parameters["train.lr"].is_log


@pytest.mark.parametrize("path", sorted(EXPERIMENTS.glob("*.yaml")), ids=lambda path: path.stem)
def test_each_file_that_is_shipped_has_keys_that_its_skill_knows(path):
    said = read_experiment_file(path)
    assert "data" not in said
    schema = Schema.read(schema_path(load_skill(said["skill"]).folder, "train"))
    schema.check_keys(said["spec"])
    request_from_options({"data": "somewhere"}, file=path)


def test_a_file_alone_makes_the_request_that_its_flags_make(ask, tmp_path):
    words = ["--skill", "toy", "--data", "d", "--trials", "3", "--time", "2h",
             "--objective", "a:max", "--objective", "b:min", "--set", "automl_nu=4",
             "--search", "train.lr=log(1e-4,1e-3)",
             "--fix", "train.width=8", "--policy", "auto", "--stop-rule", "off", "--seed", "5",
             "--runner", "ray", "--gpus-per-trial", "0.5", "--tracker", "none", "--out", "exp",
             "train.flip.p=1e-1"]  # fmt: skip
    text = """
        {skill: toy, data: d, trials: 3, time: 2h, objective: [a:max, b:min], set: {automl_nu: 4},
         search: {train: {lr: 'log(1e-4,1e-3)'}}, fix: {train.width: 8}, stop_rule: off,
         seed: 5, runner: ray, gpus_per_trial: 0.5, tracker: none, out: exp,
         spec: {train: {flip.p: 1e-1}}}
    """
    assert ask(text, "--policy", "auto") == ask("", *words)


BASE = "{skill: toy, data: d, tracker: none, "


@pytest.mark.parametrize(
    ("text", "words", "field", "value"),
    [
        ("trials: 5", [], "search.trials", 5),
        ("trials: 5", ["--trials", "3"], "search.trials", 3),
        ("trials: 5", ["trials=3"], "search.trials", 3),
        ("data: e", ["data=f"], "data", "f"),
        ("data: e", ["data.root=f"], "data", None),
        ("spec: {data.root: e}", ["--data", "f"], "overrides", {}),
        ("epochs: 5", ["train.epochs=3"], "search.epochs", None),
        ("spec: {train: {epochs: 5}}", ["--epochs", "3"], "overrides", {}),
        ("set: {automl_max_epochs: 5}", ["--epochs", "3"], "search.algorithm_options", {}),
        ("automl_R: 5", ["train.epochs=3"], "overrides", {"train.epochs": 3}),
        ("trials: 5", ["automl_max_recommendations=3"], "search.trials", None),
        ("set: {automl_nu: 5}", ["--set", "reduction_factor=3"], "search.algorithm_options",
         {"reduction_factor": 3}),
        ("objective: [a, b]", ["--objective", "c"], "search.objectives", ("c",)),
        ("spec: {train.lr: 1, train.width: 2}", ["learning_rate=3"], "overrides",
         {"train.lr": 3, "train.width": 2}),
        ("search: {train.lr: auto}", ["train.lr=3"], "space.searched", {}),
        ("search: {learning_rate: auto}", ["--fix", "train.lr=3"], "space.searched", {}),
        ("fix: {train.lr: 1}", ["--search", "train.lr=auto"], "space.fixed", {}),
        ("spec: {train.lr: 1}", ["--search", "train.lr=auto"], "overrides", {"train.lr": 1}),
        ("policy: off", [], "policy", "off"),
        ("automl_policy: off", [], "policy", "off"),
        ("request: 'no HPO please'", [], "policy", "off"),
        ("policy: off", ["--policy", "auto"], "policy", "auto"),
        ("trials: 5, space: wide, fix: {train.lr: 1}", ["--policy", "off"], "search.trials", None),
        ("trials: 5, space: wide", ["automl_policy=off"], "space.overlay", None),
    ],
)  # fmt: skip
def test_what_is_said_for_this_run_wins_over_the_file_by_whatever_name(
    ask, text, words, field, value
):
    request = ask(
        f"{BASE}{text}}}".replace("data: d, ", "" if "data" in text else "data: d, "), *words
    )
    found = request
    for name in field.split("."):
        found = getattr(found, name)
    assert found == value


def test_the_policy_of_the_file_gives_way_to_what_is_said(ask, toy_data):
    text = f"{{skill: toy, data: {toy_data}, tracker: none, policy: off}}"
    assert plan_from_request(ask(text)).settings.policy == "off"
    assert plan_from_request(ask(text, "--policy", "auto")).settings.policy == "auto"


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("trails: 5", "file.yaml: trails: unknown key; did you mean trials?"),
        ("zzz: 5", "zzz: unknown key; there are skill, data, .*Settings of the spec belong under"),
        ("trials: five", "trials: 'five' is not allowed: must be a whole number"),
        ("trials: true", "trials: True is not allowed: must be a whole number"),
        ("spec: 5", "spec: 5 is not allowed: must be a mapping of keys to values"),
        ("objective: [1]", r"objective: \[1\] is not allowed: must be a text or a list"),
        ("[1]", "is no experiment file: it must map keys to values"),
        ("a: b: c", r"is not YAML \(line 1\)"),
        ("time: 90", "--time: '90' is not a duration"),
        ("{policy: off, spec: {automl_policy: auto}}", "disagree; give one of them"),
    ],
)
def test_a_fault_in_the_file_is_one_line_that_names_it(ask, text, match):
    with pytest.raises(UsageError, match=match):
        request = ask(text, "--skill", "toy")
        request.search.resolved().budget(1)


@pytest.mark.parametrize(
    ("words", "match"),
    [
        (["trials=3", "--trials", "4"], "--trials 4 and trials=3 disagree; give one of them"),
        (["trials=x"], "key=value: trials: 'x' is not allowed: must be a whole number"),
        (["other.yaml"], "one experiment file at a time"),
        (["words"], "'words' is not understood: .* an experiment file ends in .yaml"),
    ],
)
def test_a_fault_of_the_command_is_one_line(ask, words, match):
    with pytest.raises(UsageError, match=match):
        ask("skill: toy", *words)


def test_a_file_that_is_not_there_is_named(automl):
    result = automl("run", "nowhere.yaml", "--quiet")
    assert (result.returncode, result.stderr) == (
        2, "automl: nowhere.yaml: cannot be read (No such file or directory)\n",
    )  # fmt: skip


def test_a_setting_of_the_skill_is_not_taken_for_a_key_of_the_file(ask, tmp_path):
    """A skill may have a setting named `seed`; --seed is then the only way to say the search's."""
    folder = tmp_path / "skill"
    (folder / "references").mkdir(parents=True)
    (folder / "schemas").mkdir()
    info = {"name": "own", "automl_enabled": True, "epochs_key": "epochs",
            "actions": {"train": {"command": "x {config_path}"}},
            "objective": {"metric": "m", "mode": "max"}}  # fmt: skip
    (folder / "references" / "skill_info.yaml").write_text(yaml.safe_dump(info))
    (folder / "schemas" / "train.schema.json").write_text(
        '{"type": "object", "properties": {"seed": {"type": "integer", "default": 1}}}'
    )
    request = ask(f"skill: {folder}", "seed=7", "--seed", "3", "trials=2")
    assert (request.seed, request.overrides, request.search.trials) == (3, {"seed": 7}, 2)


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


@pytest.mark.parametrize(
    ("name", "canonical"),
    [("automl_nu", "reduction_factor"), ("automl_R", "epochs"), ("direction", "objective")],
)
def test_a_setting_of_tao_is_known_for_what_it_stands_for(name, canonical):
    assert canonical_name(name) == canonical
