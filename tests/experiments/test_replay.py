"""The replay benchmark on a small file of the recorded form."""

import json
import math

import numpy as np
import pytest

from automl.trial.moves import Continue, Done, Start
from automl.trial.trial import CONTINUE
from experiments.benchmarks.clock import Clock
from experiments.benchmarks.generated import CHANCE, FAMILIES, GeneratedTask
from experiments.benchmarks.measure import Figures, critical_difference
from experiments.benchmarks.methods import make_method
from experiments.benchmarks.replay import main, seed_of
from experiments.benchmarks.show import BEGIN, END, families_table
from experiments.benchmarks.simple import SIMPLE
from experiments.benchmarks.tasks import load_taskset


@pytest.fixture
def recorded(tmp_path):
    """Return a file of 40 configurations, 51 steps; one diverges and one is NaN throughout."""
    rng = np.random.default_rng(0)
    hp = np.stack([10 ** rng.uniform(-6, 0, 40), rng.uniform(0, 1, 40)], axis=1)
    level = (np.log10(hp[:, 0]) + 3) ** 2 + hp[:, 1]
    curves = level[:, None, None] + 3 / (1 + np.arange(51))[None, :, None] + np.zeros((1, 1, 3))
    curves[0] = np.nan
    curves[1, 5:] = np.inf
    file = tmp_path / "curves.npz"
    np.savez(
        file,
        hp=hp,
        hp_names=np.array(["learning_rate", "l2"]),
        splits=np.array(["train", "valid", "test"]),
        tasks=np.array(["toy", "absent"]),
        curves__toy=curves.astype(np.float32),
    )
    return file


@pytest.fixture
def task(recorded):
    """Return the one task of that file."""
    (task,) = load_taskset(recorded, None)
    return task


def test_regret_is_0_at_the_optimum_and_1_at_the_median(task):
    assert task.scale.regret(task.scale.optimum) == 0
    assert task.scale.regret(task.scale.median) == 1
    assert task.scale.regret(float("nan")) == 1


class Script:
    """A searcher that plays given moves and says CONTINUE."""

    def __init__(self, task, moves):
        self.moves = [
            Start(m[0], task.space.defaults(), m[1]) if len(m) == 2 else Continue(*m[:2])
            for m in moves
        ]
        self.reports = []

    def next(self):
        return self.moves[0] if self.moves else Done()

    def start(self, move):
        self.moves.pop(0)

    def report(self, trial, epoch, value):
        self.reports.append((trial, epoch))
        return CONTINUE

    def finish(self, trial, outcome):
        pass


def test_going_on_costs_only_the_new_epochs(task):
    script = Script(task, [(0, 3), (0, 5, "on")])
    Clock(task, script, workers=1, budget=100).play()
    assert script.reports == [(0, e) for e in (1, 2, 3, 4, 5)]


def test_workers_train_side_by_side_and_pay_together(task):
    script = Script(task, [(0, 50), (1, 50)])
    Clock(task, script, workers=2, budget=7).play()
    assert script.reports == [(0, 1), (1, 1), (0, 2), (1, 2), (0, 3), (1, 3), (0, 4)]


def test_a_budget_of_seconds_pays_what_each_epoch_takes():
    """Of the median configuration an epoch is 1."""
    task = GeneratedTask("costs", 0)
    script = Script(task, [(0, 50), (1, 50)])
    cheap, dear = ({**task.space.defaults(), "number_1": place} for place in (0.1, 0.9))
    script.moves = [Start(0, cheap, 3), Start(1, dear, 9)]
    prices = [task.epoch_seconds(values) / task.typical_seconds for values in (cheap, dear)]
    assert prices[0] < 1 < prices[1]
    budget = math.ceil(3 * prices[0] + prices[1])
    run = Clock(task, script, workers=1, budget=budget, unit="seconds").play()
    assert script.reports[:4] == [(0, 1), (0, 2), (0, 3), (1, 1)]
    assert run.steps[0][0] == pytest.approx(prices[0])
    assert len(script.reports) <= 5


def test_a_searcher_that_plans_is_told_seconds_and_what_is_left():
    task, told = GeneratedTask("costs", 0), []

    class Planner(Script):
        def foresee(self, seconds):
            told.append(seconds)

        def took(self, trial, seconds, *, is_first):
            told.append((seconds, is_first))

    price = task.epoch_seconds(task.space.defaults()) / task.typical_seconds
    Clock(task, Planner(task, [(0, 2)]), workers=1, budget=100, unit="seconds").play()
    assert told == [100 - price, (price, True), 100 - 2 * price, (price, False)]
    Clock(task, Planner(task, [(0, 2)]), workers=1, budget=100).play()
    assert len(told) == 4


def test_auto_trains_more_for_its_time_where_it_knows_the_costs():
    task = GeneratedTask("costs", 1)

    def seconds_of(name):
        auto = make_method(name, task, seed=3, budget=None)
        told = []
        auto.took = lambda *a, took=auto.took, **k: (told.append(a[1]), took(*a, **k))
        Clock(task, auto, workers=1, budget=100, unit="seconds").play()
        return told[len(told) // 3 :]

    aware, blind = (np.mean(seconds_of(name)) for name in ("auto", "auto-equal-costs"))
    assert aware < 0.9 * blind


@pytest.mark.parametrize("family", FAMILIES)
def test_a_made_up_task_is_the_same_each_time_and_its_scale_holds(family):
    one, again = GeneratedTask(family, 1), GeneratedTask(family, 1)
    rng = np.random.default_rng(7)
    drawn = [one.space.sample(rng) for _ in range(200)]
    curves = [one.curve(values, 50) for values in drawn]
    assert np.array_equal(curves[0], again.curve(drawn[0], 50))
    assert np.array_equal(curves[0][:7], again.curve(drawn[0], 7))
    assert one.scale == again.scale
    regrets = [one.scale.regret(float(curve.min())) for curve in curves]
    assert 0 <= min(regrets) < 0.6 and 0.6 < np.median(regrets) <= 1


def test_most_of_the_family_chance_never_leave_it():
    task, rng = GeneratedTask("chance", 0), np.random.default_rng(7)
    lasts = np.array([task.curve(task.space.sample(rng), 50)[-1] for _ in range(200)])
    assert 0.1 < np.mean(lasts < CHANCE - 0.01) < 0.3


@pytest.mark.slow
def test_auto_is_not_behind_random_search_where_the_early_order_is_reversed():
    """It was, by .36: what looked bad early was never trained on."""
    task = GeneratedTask("cosine", 0)

    def regret(method, index):
        searcher = make_method(method, task, seed=seed_of(task.name, index), budget=1000)
        run = Clock(task, searcher, workers=1, budget=300).play()
        return task.scale.regret(run.best_seen(300))

    auto, random = (np.mean([regret(m, i) for i in range(4)]) for m in ("auto", "random"))
    assert auto <= random + 0.05


def test_each_family_is_held_against_its_own_best_rival():
    regret = np.array(
        [[[0.1, 0.3], [0.4, 0.4]], [[0.4, 0.4], [0.8, 0.8]], [[0.5, 0.5], [0.2, 0.2]]]
    )
    figures = Figures(["auto", "a", "b"], ["one-x", "two-y"], {100: regret}, [0.0] * 3)
    text = families_table(figures, method="auto", rivals=["a", "b"])
    assert "| one | 1 | 0.50 (-0.200 ± 0.100, a) |" in text
    assert "| two | 1 | 2.00 (+0.200 ± 0.000, b) |" in text


@pytest.mark.parametrize("workers", [1, 4])
@pytest.mark.parametrize("name", [*SIMPLE, "auto"])
def test_every_own_method_is_repeatable_and_improves(name, workers, task):
    runs = [
        Clock(task, make_method(name, task, seed=1, budget=300), workers=workers, budget=300).play()
        for _ in range(2)
    ]
    assert runs[0].steps == runs[1].steps
    assert runs[0].best_seen(120) <= runs[0].best_seen(60)


def test_seeds_differ_between_tasks_and_indices():
    assert len({seed_of(task, index) for task in "ab" for index in range(3)}) == 6


def test_ranks_share_the_places_of_equals():
    regret = np.array([0.1, 0.2, 0.2]).reshape(3, 1, 1)
    figures = Figures(["a", "b", "c"], ["t"], {100: regret}, [0.0] * 3)
    assert figures.ranks(100).ravel().tolist() == [1, 2.5, 2.5]


def test_critical_difference_is_demsars():
    """Demsar's table 5: q of 5 methods is 2.728."""
    assert critical_difference(5, 30) == pytest.approx(2.728 * (30 / 180) ** 0.5, abs=1e-3)


def run(recorded, tmp_path, *words):
    given = ["--taskset", recorded, "--cache", tmp_path / "cache", "--seeds", 2, "--budget", 200]
    return main([str(w) for w in [*given, *words]])


def test_the_command_writes_json_and_a_page_and_resumes_from_its_cache(recorded, tmp_path):
    page, out = tmp_path / "page.md", tmp_path / "out.json"
    page.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")
    picture = tmp_path / "ranks.png"
    words = ("--methods", "random,hyperband", "--json", out, "--page", page, "--plot", picture)
    assert run(recorded, tmp_path, *words) == 0
    result = json.loads(out.read_text())
    assert result["tasks"] == ["taskset-toy"]
    assert result["seeds"] == 2
    assert set(result["methods"]["random"]) == {"regret", "rank", "seconds_per_decision"}
    assert set(result["methods"]["random"]["regret"]) == {"100", "200"}
    assert "| hyperband |" in page.read_text()
    assert "old" not in page.read_text()
    assert picture.exists() and f"]({picture.name})" in page.read_text()
    lines = (tmp_path / "cache" / "runs-random.jsonl").read_text()
    assert run(recorded, tmp_path, *words) == 0
    assert (tmp_path / "cache" / "runs-random.jsonl").read_text() == lines


def test_kept_results_give_the_same_figures_without_a_search(recorded, tmp_path, monkeypatch):
    kept, outs = tmp_path / "kept.jsonl.gz", [tmp_path / "1.json", tmp_path / "2.json"]
    methods = ["--methods", "random,hyperband"]
    assert run(recorded, tmp_path, "--methods", "random", "--workers", 4, "--keep", kept) == 0
    assert run(recorded, tmp_path, *methods, "--keep", kept, "--json", outs[0]) == 0
    monkeypatch.setattr("experiments.benchmarks.replay._play", None)
    again = tmp_path / "elsewhere"
    assert run(recorded, again, *methods, "--known", kept, "--json", outs[1]) == 0
    assert run(recorded, again, "--methods", "random", "--workers", 4, "--known", kept) == 0
    first, second = (json.loads(out.read_text())["methods"] for out in outs)
    assert [m["regret"] for m in first.values()] == [m["regret"] for m in second.values()]
    assert [m["rank"] for m in first.values()] == [m["rank"] for m in second.values()]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--methods", "ranbom"], "did you mean random?"),
        (["--families", "chanse"], "--families: chanse unknown; there are chance, nominal"),
        (["--taskset-tasks", "absent"], "--taskset-tasks: absent unknown; there are toy"),
        (["--methods", "dehb"], "dehb is not installed here"),
        (["--known", "absent.gz"], "--known absent.gz: is no file that --keep wrote"),
    ],
)
def test_what_cannot_be_run_is_refused_in_one_line(words, message, recorded, tmp_path, capsys):
    with pytest.raises(SystemExit, match="2"):
        run(recorded, tmp_path, *words)
    assert message in capsys.readouterr().err


def test_the_learned_tasks_improve_with_epochs(shared, tmp_path):
    from experiments.benchmarks.cache import Cache
    from experiments.benchmarks.tasks import load_lcbench

    (task,) = load_lcbench(shared / "hpo" / "lcbench", ["3945"], Cache(tmp_path))
    curve = task.curve(task.space.defaults(), 50)
    assert curve.shape == (50,)
    assert curve[-1] > curve[0]
    assert 0 < task.scale.regret(float(curve.max())) < 1
