import pytest
from paths import ROOT

from automl.errors import UsageError
from automl.request.experiment_file import read_experiment_file
from automl.request.request import request_from_options
from automl.schema.schema import Schema
from automl.skill.info import schema_path
from automl.skill.installed import load_skill

EXPERIMENTS = ROOT / "experiments"


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


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("trails: 5", "file.yaml: trails: unknown key; did you mean trials?"),
        ("zzz: 5", "zzz: unknown key; there are skill, data, .*Settings of the spec belong under"),
        ("trials: five", "trials: 'five' is not allowed: must be a whole number"),
        ("trials: true", "trials: True is not allowed: must be a whole number"),
        ("spec: 5", "spec: 5 is not allowed: must be a mapping of keys to values"),
        ("objective: [1]", r"objective: \[1\] is not allowed: must be a text or a list"),
        ("[1]", "is not an experiment file: it must map keys to values"),
        ("a: b: c", r"is not YAML \(line 1\)"),
        ("time: 90", "--time: '90' is not a duration"),
        ("{policy: off, spec: {automl_policy: auto}}", "disagree; give one of them"),
    ],
)
def test_a_fault_in_the_file_is_one_line_that_names_it(ask, text, match):
    with pytest.raises(UsageError, match=match):
        request = ask(text, "--skill", "toy")
        request.search.resolved().budget(1)


def test_a_file_that_is_not_there_is_named(automl):
    result = automl("run", "nowhere.yaml", "--quiet")
    assert (result.returncode, result.stderr) == (
        2, "automl: nowhere.yaml: cannot be read (No such file or directory)\n",
    )  # fmt: skip


def test_settings_of_tao_at_the_top_are_settings_of_the_spec(tmp_path):
    (tmp_path / "file.yaml").write_text("automl_nu: 4\nspec: {train: {lr: 1e-4}}\n")
    content = read_experiment_file(tmp_path / "file.yaml")
    assert content == {"spec": {"train.lr": 1e-4, "automl_nu": 4}}


@pytest.mark.parametrize("text", ["", "# nothing\n", "trials:\n"])
def test_a_file_without_options_asks_for_nothing(tmp_path, text):
    (tmp_path / "file.yaml").write_text(text)
    assert read_experiment_file(tmp_path / "file.yaml") == {}


def test_a_file_that_is_a_spec_itself_has_its_settings(tmp_path):
    """As TAO's specs are: sections, and settings of AutoML beside them."""
    (tmp_path / "spec.yaml").write_text(
        "encryption_key: tlt_encode\ntrain: {optim: {lr: 1e-4}}\nautoml_algorithm: bayesian\n"
    )
    content = read_experiment_file(tmp_path / "spec.yaml")
    assert content == {
        "spec": {
            "encryption_key": "tlt_encode", "train.optim.lr": 1e-4, "automl_algorithm": "bayesian"
        }
    }  # fmt: skip
