from operator import attrgetter
from pathlib import Path

import pytest

from automl.plan.plan import plan_from_request
from automl.request.precedence import merged
from automl.search.options import canonical_name
from automl.skill.installed import load_skill

BASE = "{skill: toy, data: d, tracker: none, "


@pytest.mark.parametrize(
    ("text", "words", "field", "value"),
    [
        ("trials: 5", [], "search.trials", 5),
        ("trials: 5", ["--trials", "3"], "search.trials", 3),
        ("trials: 5", ["trials=3"], "search.trials", 3),
        ("data: e", ["data=f"], "data", "f"),
        ("trials: 5", ["--out=~/x"], "out", Path("~/x").expanduser()),
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
def test_options_of_the_run_override_the_file_by_whatever_alias(ask, text, words, field, value):
    request = ask(
        f"{BASE}{text}}}".replace("data: d, ", "" if "data" in text else "data: d, "), *words
    )
    assert attrgetter(field)(request) == value


def test_the_policy_of_the_run_overrides_the_policy_of_the_file(ask, toy_data):
    text = f"{{skill: toy, data: {toy_data}, tracker: none, policy: off}}"
    assert plan_from_request(ask(text)).settings.policy == "off"
    assert plan_from_request(ask(text, "--policy", "auto")).settings.policy == "auto"


@pytest.mark.parametrize(
    ("name", "canonical"),
    [("automl_nu", "reduction_factor"), ("automl_R", "epochs"), ("direction", "objective")],
)
def test_a_setting_of_tao_is_known_for_what_it_stands_for(name, canonical):
    assert canonical_name(name) == canonical


@pytest.mark.parametrize(
    ("file", "run", "expected"),
    [
        ({"objective": ("a", "b")}, {"objective": ("c",)}, {"objective": ("c",)}),
        ({"set": {"nu": 3}}, {"set": {"type": "stop"}}, {"set": {"nu": 3, "type": "stop"}}),
        ({"epochs": 5}, {"spec": {"train.epochs": 3}}, {"spec": {"train.epochs": 3}}),
        ({"search": {"train.lr": "auto"}}, {"fix": {"train.lr": 3}}, {"fix": {"train.lr": 3}}),
        ({"fix": {"train.lr": 1}}, {"spec": {"train.lr": 3}}, {"spec": {"train.lr": 3}}),
        ({"trials": 9, "seed": 1}, {"policy": "off"}, {"seed": 1, "policy": "off"}),
    ],
)
def test_lists_are_replaced_and_mappings_merged_key_by_key(file, run, expected):
    assert merged(file, run, load_skill("toy").info) == expected
