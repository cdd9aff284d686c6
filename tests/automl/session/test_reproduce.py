import json
import os
from dataclasses import replace

import pytest
from rewritten import rewrite_journal, rewrite_settings

from automl.cli import main
from automl.errors import UsageError
from automl.experiment.environment import FILE, differences, environment
from automl.experiment.experiment import Experiment
from automl.experiment.journal import Journal
from automl.experiment.resources import Resources
from automl.plan.plan import plan_from_request
from automl.request.request import Request
from automl.request.search import SearchRequest
from automl.session.reproduce import Reproducer
from automl.session.session import drive


@pytest.fixture
def search(tmp_path, toy_data):
    """Return a function that makes a whole search of the toy skill and returns its folder."""

    def make(*, trials=4, algorithm="asha", settings=None, **overrides):
        request = Request(
            skill="toy", data=str(toy_data), out=tmp_path / "exp", tracker="none",
            search=SearchRequest(
                trials=trials, epochs=6, algorithm=algorithm, algorithm_options=settings or {}
            ),
            resources=Resources(runner="local"),
            overrides={k.replace("__", "."): v for k, v in overrides.items()},
        )  # fmt: skip
        plan_from_request(request).write()
        drive(tmp_path / "exp")
        return tmp_path / "exp"

    return make


def again(root, number, **more):
    return Reproducer(Experiment.load(root), number, **more).run(watch=lambda *_: None)


def test_every_trial_of_a_search_that_pauses_and_stops_is_reproduced_exactly(search):
    root = search()
    trials = Experiment.load(root).history.trials
    assert {t.state.value for t in trials.values()} >= {"stopped"}
    for number, trial in trials.items():
        made = again(root, number)
        assert (made.faults, made.tolerance, made.differences) == ([], 0.0, {})
        assert len(made.compared) == 2 * len(trial.reports) > 0


def test_a_trial_that_began_from_anothers_checkpoint_is_reproduced_with_it(search):
    root = search(trials=6, algorithm="pbt", settings={"population_size": 3, "eval_interval": 2})
    born = [t for t in Experiment.load(root).history.trials.values() if t.parent is not None]
    assert born
    made = again(root, born[-1].number)
    assert made.faults == [] and len(made.compared) > 0
    assert [p.name for p in (root / "reproduced").iterdir()] == [f"{born[-1].number:04d}"]


def test_a_trial_that_failed_is_reproduced_where_it_fails_in_the_same_way(search):
    root = search(trials=8, algorithm="random", train__fail="wide")
    failed = [t for t in Experiment.load(root).history.trials.values() if t.failure]
    made = again(root, failed[0].number)
    assert made.faults == [] and made.outcome.failure.kind == "out_of_memory"


def test_a_changed_number_is_found_and_check_exits_with_1(search, capsys):
    root = search(trials=1)
    journal = root / "journal.jsonl"
    events = list(Journal(journal).read())
    report = next(e for e in events if e["event"] == "report" and e["epoch"] == 2)
    report["metrics"]["score"] += 1e-9
    rewrite_journal(journal, events)
    assert main(["reproduce", str(root), "0", "--json", "--quiet"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["is_reproduced"] is False and told["largest_difference"] == pytest.approx(1e-9)
    assert main(["reproduce", str(root), "0", "--check", "--quiet"]) == 1
    assert "trial 0000 is not reproduced" in (err := capsys.readouterr().err)
    assert "epoch 2: score was" in err and "Traceback" not in err
    assert main(["reproduce", str(root), "0", "--check", "--quiet", "--tolerance", "1e-6"]) == 0
    assert "allowed 1e-06" in capsys.readouterr().out


def test_what_is_not_as_it_was_is_said_and_widens_the_tolerance(search, capsys):
    root = search(trials=1)
    path = root / "trials" / "0000" / FILE
    then = json.loads(path.read_text())
    path.write_text(json.dumps({**then, "processor": "Z80", "versions": {"torch": "1.0"}}))
    rewrite_settings(root, "fingerprint: toy", "fingerprint: old")
    assert main(["reproduce", str(root), "0", "--check", "--quiet"]) == 0
    out = capsys.readouterr().out
    assert "  processor: Z80 then, " in out and "  versions.torch: 1.0 then, " in out
    assert "  data.fingerprint: old then, toy now" in out and "allowed 0.01" in out


def test_what_cannot_run_again_is_refused(search, tmp_path):
    root = search(trials=1)
    with pytest.raises(UsageError, match="7 is not a trial of .*; it has 0 to 0"):
        again(root, 7)
    with pytest.raises(UsageError, match="nowhere: no such folder"):
        again(root, 0, data=str(tmp_path / "nowhere"))
    experiment = Experiment.load(root)
    trial = experiment.history.trials[0]
    experiment.history.trials[0] = replace(trial, reports=[])
    with pytest.raises(UsageError, match="trial 0000 has reported no epoch yet"):
        Reproducer(experiment, 0).run(watch=lambda *_: None)


def test_each_trial_tells_what_it_ran_on(search):
    root = search(trials=1)
    told = json.loads((root / "trials" / "0000" / FILE).read_text())
    assert told["threads"] >= 1 and told["device"] and told["versions"]["python"]
    assert differences(told, environment(Experiment.load(root).paths.root)) in (
        {}, {"skill_commit": (told.get("skill_commit"), None)},
    )  # fmt: skip


def test_a_reproduction_leaves_the_threads_of_this_process_as_they_were(search, monkeypatch):
    root = search(trials=1)
    path = root / "trials" / "0000" / FILE
    path.write_text(json.dumps({**json.loads(path.read_text()), "threads": 3}))
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    assert "threads" not in again(root, 0).differences
    assert os.environ["OMP_NUM_THREADS"] == "2"
    monkeypatch.delenv("OMP_NUM_THREADS")
    again(root, 0)
    assert "OMP_NUM_THREADS" not in os.environ


@pytest.mark.parametrize(
    ("text", "match"), [("train: {", "is not YAML"), ("", "must be a mapping")]
)
def test_a_torn_experiment_yaml_is_a_line(search, text, match):
    root = search(trials=1, train__seed=-1)
    (root / "trials" / "0000" / "experiment.yaml").write_text(text)
    with pytest.raises(UsageError, match=f"experiment.yaml: .*{match}"):
        again(root, 0)
