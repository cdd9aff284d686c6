"""Several objectives, constraints, confirmation and importance, in real searches."""

import json

import pytest
from toy_experiment import write_toy_experiment

from automl.errors import RunFailed, UsageError
from automl.experiment.experiment import space_of
from automl.report.importance import importance
from automl.report.summary import summary
from automl.session.session import drive
from automl.skill.installed import load_skill
from automl.trial.objective import Constraint, Objective
from automl.trial.trial import FailureKind


@pytest.fixture
def start(tmp_path, toy_data):
    def make(name="exp", **options):
        return write_toy_experiment(tmp_path / name, toy_data, **options)

    return make


def test_two_objectives_give_a_front_that_nobody_dominates(start):
    experiment = drive(start(objectives=("score", "parameters:max"), trials=16))
    assert experiment.settings.algorithm == "moasha"
    told = experiment.to_dict()
    front = told["pareto_front"]
    assert len(front) > 1
    for one in front:
        assert (
            one["parameters"] == 100 * experiment.history.trials[one["trial"]].values["train.width"]
        )
        assert not any(
            o["score"] >= one["score"] and o["parameters"] > one["parameters"] for o in front
        )
    assert "Pareto front:" in summary(experiment)


def test_a_trial_that_breaks_a_constraint_is_never_started(start):
    experiment = drive(start(constraints=("latency_ms<=10",), trials=12))
    broken = [t for t in experiment.history.trials.values() if t.values["train.width"] > 20]
    assert broken
    for trial in broken:
        assert trial.failure.kind is FailureKind.INFEASIBLE
        assert not experiment.paths.trial(trial.number).exists()
        assert "which breaks latency_ms<=10" in trial.failure.message
    assert experiment.best.costs["latency_ms"] <= 10


def test_what_no_memory_can_hold_is_never_started(start):
    experiment = drive(start(trials=12, overrides={"train.fail": "small"}))
    failed = [t for t in experiment.history.trials.values() if t.failure is not None]
    assert failed and all(t.values["train.width"] > 48 for t in failed)
    assert all(t.failure.kind is FailureKind.INFEASIBLE for t in failed)


def test_a_constraint_on_what_is_reported_leaves_no_value_to_trials_that_break_it(start):
    experiment = drive(start(constraints=("loss<=0.55",), algorithm="random"))
    for trial in experiment.history.trials.values():
        value = experiment.value_of(trial)
        assert value is None or value >= 0.45


@pytest.mark.slow
def test_constraints_that_nobody_meets_end_the_search_with_the_cause(start):
    root = start(constraints=("parameters<=10",), trials=60, overrides={"train.lr": 0.1})
    with pytest.raises(RunFailed, match="infeasible: parameters is .* breaks parameters<=10"):
        drive(root)


@pytest.mark.slow
def test_the_best_two_are_confirmed_with_fresh_seeds_and_a_repeat_is_promoted(start):
    experiment = drive(start(confirm_seeds=2, algorithm="random"))
    repeats = [t for t in experiment.history.trials.values() if t.confirms is not None]
    assert len(repeats) == 4
    seeds = {(t.confirms, t.adjusted["train.seed"]) for t in repeats}
    assert len(seeds) == 4 and all(seed != 0 for _, seed in seeds)
    rows = experiment.to_dict()["confirmed"]
    assert rows[0]["mean"] >= rows[1]["mean"]
    assert experiment.best.number == rows[0]["best_trial"]
    assert experiment.promotion["trial"] == experiment.best.number
    spec = (experiment.paths.promoted / "spec.yaml").read_text()
    assert f"seed: {experiment.best.adjusted['train.seed']}" in spec
    assert drive(experiment.paths.root).to_dict()["confirmed"] == rows


@pytest.mark.slow
def test_importance_names_the_parameter_that_matters(start):
    experiment = drive(start(trials=30, algorithm="random", stop_rule="off"))
    space = space_of(experiment.paths, experiment.settings)
    for method in ("fanova", "ped-anova"):
        shares = importance(experiment, space, method=method)
        assert set(shares) == set(space.parameters)
        assert sum(shares.values()) == pytest.approx(1)
    assert json.loads(experiment.paths.importance.read_text()) == experiment.to_dict()["importance"]
    with pytest.raises(UsageError, match="'shapley' is not one of fanova, ped-anova"):
        importance(experiment, space, method="shapley")


def test_too_few_trials_have_no_importance(start):
    experiment = drive(start(trials=2))
    space = space_of(experiment.paths, experiment.settings)
    with pytest.raises(UsageError, match="importance needs 4 trials"):
        importance(experiment, space)
    assert experiment.importance is None


@pytest.mark.parametrize(
    ("flags", "match"),
    [
        ({"objectives": ("scor",)}, "'scor' is not measured; did you mean score?"),
        ({"objectives": ("loss",)}, "add its direction, loss:max or loss:min"),
        ({"objectives": ("score:up",)}, "the direction 'up' is not one of max, min"),
        ({"objectives": ("score", "score:min")}, "score is given twice"),
        ({"objectives": ("loss:min",)}, "score:max must be one of them"),
        ({"objectives": ("scor:max",)}, "'scor' is not measured; did you mean score?"),
        ({"constraints": ("latency<20",)}, "'latency<20' is not understood"),
        ({"constraints": ("latency_m<=20",)}, "did you mean latency_ms"),
        ({"objectives": ("score", "parameters"), "algorithm": "bohb"}, "takes one objective, not"),
        ({"algorithm": "hyperbnd"}, "did you mean hyperband"),
        ({"algorithm": "llm"}, "language model, which is not built"),
        (
            {"algorithm_options": {"automl_reduction_facto": 3}},
            "did you mean automl_reduction_factor",
        ),
        ({"algorithm_options": {"llm_endpoint": "x"}}, "language model is not built"),
        (
            {"algorithm_options": {"kde_samples": 9}, "algorithm": "asha"},
            "no effect with --algorithm asha",
        ),
        (
            {"algorithm_options": {"reduction_factor": 1}, "algorithm": "asha"},
            r"must be in \[2, 100\]",
        ),
        ({"algorithm_options": {"automl_max_epochs": 9}}, "--epochs 4 and --set epochs=9 disagree"),
        ({"confirm_seeds": -1}, "must be 0 or more"),
        ({"stop_rule": "maybe"}, "is not one of on, off"),
        ({"time": "soon"}, "'soon' is not a duration"),
        ({"budget_epochs": 0}, "--budget-epochs: 0 is not allowed"),
    ],
)
def test_a_fault_of_a_search_flag_says_what_is_allowed(start, tmp_path, flags, match):
    with pytest.raises(UsageError, match=match):
        start(**flags)
    assert not (tmp_path / "exp").exists()


def test_constraints_are_read():
    limit = Constraint.parse("latency_ms <= 2e1")
    assert (str(limit), limit.holds(20), limit.holds(21)) == ("latency_ms<=20", True, False)
    assert Constraint.parse(str(limit)) == limit
    within = Objective("score", "max", (limit,))
    assert Objective.from_dict(within.to_dict()) == within
    assert within.value({"score": 1.0, "latency_ms": 21}) != within.value(
        {"score": 1.0, "latency_ms": 1}
    )


def test_the_skill_says_what_costs_depend_on():
    info = load_skill("toy").info
    assert info.has_cost_of("train.width") and not info.has_cost_of("train.width2")


def test_a_search_without_a_value_within_the_constraints_says_so(start):
    root = start(constraints=("loss<=0.01",), algorithm="random", trials=4)
    with pytest.raises(RunFailed, match="no trial has a value within loss<=0.01"):
        drive(root)


@pytest.mark.slow
def test_little_expected_improvement_ends_a_search_and_can_be_turned_off(start):
    fixed = {"train.lr": 0.03, "train.flip.enable": False, "train.flip.p": 0.5}
    options = {"overrides": fixed, "algorithm": "random", "trials": 40}
    ended = drive(start("ended", **options))
    assert 20 <= len(ended.history.trials) < 40
    assert len(drive(start("whole", stop_rule="off", **options)).history.trials) == 40
