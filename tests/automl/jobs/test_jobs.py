"""Jobs on the toy skill: created, run, chained by ids, told truly."""

import json
import math
import os
import signal
import sqlite3
import subprocess
import sys
import time
from dataclasses import replace

import pytest
import yaml

from automl.errors import RunFailed, UsageError
from automl.experiment.resources import Resources
from automl.jobs.cancel import cancel_job
from automl.jobs.create import create_job
from automl.jobs.models import Choice
from automl.jobs.run import run_job
from automl.jobs.store import JobStore
from automl.plan.plan import plan_from_request
from automl.request.request import Request
from automl.request.search import SearchRequest
from automl.session.session import drive


@pytest.fixture
def root(tmp_path):
    return tmp_path / "runs"


@pytest.fixture
def trained(root, toy_data):
    """Return the job of a finished training of four epochs."""
    job = create_job("train", "toy", {"data.root": str(toy_data)}, root=root)
    return run_job(job.id, root=root)


@pytest.fixture
def searched(root, toy_data):
    request = Request(
        skill="toy", data=str(toy_data), out=root / "exp", tracker="none",
        search=SearchRequest(trials=3, epochs=3), resources=Resources(runner="local"),
    )  # fmt: skip
    plan_from_request(request).write()
    return drive(root / "exp")


def run(action, root, parent, spec=None, **options):
    job = create_job(action, "toy", spec, parent_job_id=parent, root=root, **options)
    return run_job(job.id, root=root)


def spec_of(job, root):
    return yaml.safe_load((root / job.id / "spec.yaml").read_text())


def test_a_job_is_pending_then_completed_with_its_results_in_its_folder(root, toy_data):
    job = create_job("train", "toy", {"data": {"root": str(toy_data)}}, root=root)
    assert JobStore(root).get(job.id).state == "pending"
    done = run_job(job.id, root=root)
    assert done.state == "completed" and done.metrics["score"] > 0
    assert (root / job.id / done.artifacts["best"]).exists()
    assert (done.best_epoch, done.last_epoch) == (4, 4)
    assert JobStore(root).get(job.id) == done


def test_a_chain_needs_no_path(root, trained):
    exported = run("export", root, trained.id)
    assert exported.artifacts == {"onnx": "model.onnx"}
    measured = run("evaluate", root, exported.id)
    assert measured.metrics["score"] == trained.metrics["score"]
    told = spec_of(measured, root)
    assert told["evaluate"]["model"] == str((root / exported.id / "model.onnx").resolve())
    assert told["data"] == spec_of(trained, root)["data"]


def test_a_search_is_a_job_and_its_trials_are_its_children(root, searched):
    store = JobStore(root)
    assert store.get("exp").state == "completed"
    assert store.get("exp").metrics["score"] == searched.value_of(searched.best)
    trials = store.jobs(parent="exp")
    assert [t.id for t in trials] == [f"exp/trials/000{n}" for n in range(3)]
    assert all(t.action == "train" and t.state in ("completed", "stopped") for t in trials)
    assert all((root / t.id / "spec.yaml").exists() for t in trials)


def test_an_experiment_stands_for_its_best_trial(root, searched):
    best = searched.best
    measured = run("evaluate", root, "exp")
    assert measured.metrics["score"] == searched.value_of(best)
    told = spec_of(measured, root)
    assert told["train"]["lr"] == best.values["train.lr"]
    assert run("evaluate", root, f"exp/trials/{best.number:04d}").metrics == measured.metrics


def test_the_steps_of_a_promotion_are_jobs_that_others_go_on_from(root, searched):
    best = f"exp/trials/{searched.best.number:04d}"
    steps = {job.id: job for job in JobStore(root).jobs() if job.id.startswith("exp/promoted")}
    told = {name: (job.action, job.parent) for name, job in steps.items()}
    assert told == {
        "exp/promoted": ("export", best),
        "exp/promoted/checkpoint": ("evaluate", best),
        "exp/promoted/onnx": ("evaluate", "exp/promoted"),
        "exp/promoted/test": ("evaluate", "exp/promoted"),
    }
    assert all((root / name).is_dir() for name in steps)
    measured = run("evaluate", root, "exp/promoted")
    assert measured.metrics["score"] == searched.value_of(searched.best)


def test_what_the_user_sets_wins_over_the_parent(root, trained):
    measured = run("evaluate", root, trained.id, {"learning_rate": 0.5})
    assert spec_of(measured, root)["train"]["lr"] == 0.5


@pytest.mark.parametrize(
    ("action", "spec", "match"),
    [
        ("train", {}, "train: train_datasets is missing; give --train-datasets URI"),
        ("evaluate", {}, r"evaluate: a model is missing; give --parent JOB \(or evaluate.model"),
        ("evaluat", {}, "'evaluat' is no action of toy; did you mean evaluate"),
        ("train", {"train.lrr": 1}, "train.lrr: unknown key; did you mean train.lr"),
        ("train", {"train.results_dir": "x"}, "train.results_dir: cannot be set here"),
        ("train", {"data.root": "/no/where"}, "no such folder"),
    ],
)
def test_a_fault_is_told_and_leaves_nothing(root, action, spec, match):
    with pytest.raises(UsageError, match=match):
        create_job(action, "toy", spec, root=root)
    assert not root.exists()


def test_a_parent_that_is_not_there_or_leaves_no_model_is_refused(root, trained):
    with pytest.raises(UsageError, match="there is no job 'train-20'.*; the latest are train-2"):
        run("evaluate", root, "train-20")
    with pytest.raises(UsageError, match=f"did you mean {trained.id}"):
        run("evaluate", root, trained.id + "0")
    measured = run("evaluate", root, trained.id)
    with pytest.raises(UsageError, match="evaluate leaves no model; the parent must be an"):
        run("evaluate", root, measured.id)


def test_an_epoch_that_is_not_there_is_refused_with_what_is(root, trained):
    with pytest.raises(UsageError, match=r"no model for epoch 2 .*best.json.*last.json"):
        run("evaluate", root, trained.id, choice=Choice("from_epoch_number", 2))
    with pytest.raises(UsageError, match="takes no model from a parent"):
        run("train", root, trained.id, choice=Choice("latest_model"))


def test_a_failure_is_kept_with_its_kind_and_its_trace(root, toy_data):
    job = create_job("train", "toy", {"data.root": str(toy_data), "train.fail": "crash"}, root=root)
    with pytest.raises(RunFailed, match="crashed: ValueError: toy: broke .log: "):
        run_job(job.id, root=root)
    failed = JobStore(root).get(job.id)
    assert (failed.state, failed.failure.kind) == ("failed", "crashed")
    assert "ValueError: toy: broke" in (root / job.id / "log.txt").read_text()


def test_a_metric_that_is_no_number_is_kept_as_such(root, trained):
    store = JobStore(root)
    store.put(replace(trained, metrics={"score": math.nan}))
    assert math.isnan(store.get(trained.id).metrics["score"])


def test_a_job_that_is_over_is_not_run_again(root, trained):
    with pytest.raises(UsageError, match="is completed; look at it with: automl job show"):
        run_job(trained.id, root=root)


@pytest.fixture
def running(root, toy_data):
    """Return a job that trains in a process of its own, and the process."""
    command = ["job", "run", "train", "--skill", "toy", "--root", str(root), "--train-datasets",
               str(toy_data), "train.pause_s=0.2", "train.epochs=20"]  # fmt: skip
    child = subprocess.Popen(
        [sys.executable, "-m", "automl", *command], env=os.environ,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        wait_for(lambda: list(root.glob("train-*/checkpoints/last.json")))
        yield JobStore(root).jobs()[0], child
    finally:
        child.kill()
        child.wait()


def test_a_job_whose_process_was_killed_is_lost_and_goes_on_where_it_was(root, running):
    job, child = running
    assert job.state == "running"
    with pytest.raises(UsageError, match="is running; look at it"):
        run_job(job.id, root=root)
    child.send_signal(signal.SIGKILL)
    child.wait()
    assert JobStore(root).get(job.id).state == "lost"
    done = run_job(job.id, root=root)
    starts = (root / job.id / "epochs.txt").read_text().splitlines()
    assert (done.state, done.last_epoch) == ("completed", 20)
    assert starts[0] == "from 0" and len(starts) == 2 and starts[1] != "from 0"


def test_a_running_job_is_canceled_by_its_id(root, running):
    job, child = running
    assert cancel_job(job.id, root=root).state == "canceled"
    assert child.wait(30) == 75
    with pytest.raises(UsageError, match="is canceled already"):
        cancel_job(job.id, root=root)


def test_a_trial_is_its_searchs_to_stop(root, searched):
    with pytest.raises(UsageError, match="cancel the search: automl job cancel exp"):
        cancel_job("exp/trials/0001", root=root)


def test_the_database_is_read_while_many_write(root, trained):
    """Four processes write at once while this one reads; nobody finds the database locked."""
    code = (
        "import sys\nfrom pathlib import Path\nfrom dataclasses import replace\n"
        "from automl.jobs.store import JobStore\n"
        f"store = JobStore(Path({str(root)!r}))\njob = store.get({trained.id!r})\n"
        "for n in range(50): store.put(replace(job, id=f'{sys.argv[1]}-{n}'))"
    )
    writers = [subprocess.Popen([sys.executable, "-c", code, str(n)]) for n in range(4)]
    while any(writer.poll() is None for writer in writers):
        assert JobStore(root).get(trained.id).state == "completed"
    assert [writer.returncode for writer in writers] == [0] * 4
    assert len(JobStore(root).jobs()) == 201
    mode = sqlite3.connect(root / "jobs.db").execute("PRAGMA journal_mode").fetchone()
    assert mode == ("wal",)


def test_the_command_line_runs_lists_and_shows(automl, tmp_path, toy_data):
    first = automl("job", "run", "train", "--skill", "toy", "--train-datasets", toy_data, "--json")
    assert first.returncode == 0, first.stderr
    train = json.loads(first.stdout)
    assert train["state"] == "completed"
    assert train.pop("route")["way"] == "direct"
    second = automl("job", "run", "evaluate", "--parent", train["job"], "--json")
    assert json.loads(second.stdout)["metrics"] == train["metrics"]
    listed = json.loads(automl("job", "list", "--json").stdout)["jobs"]
    assert [job["action"] for job in listed] == ["train", "evaluate"]
    assert json.loads(automl("job", "show", train["job"], "--json").stdout) == train
    children = automl("job", "list", "--parent", train["job"]).stdout.splitlines()
    assert len(children) == 2 and children[1].startswith("evaluate-")


@pytest.mark.parametrize(
    ("words", "match"),
    [
        (["evaluate", "--skill", "toy", "--eval-dataset", "x"], "evaluate takes no eval_dataset"),
        (["train", "--skill", "toy"], "train_datasets is missing; give --train-datasets URI"),
        (["--skill", "toy"], "ACTION is missing"),
        (["evaluate", "--parent", "no"], "there is no job 'no' in runs; it has none"),
        (["evaluate", "--skill", "toy", "--from-epoch", "3",
          "--checkpoint-choose-method", "best_model"], "go together"),
        (["evaluate", "--skill", "toy", "--checkpoint-choose-method", "best"],
         "did you mean best_model"),
        (["evaluate", "--skill", "toy", "--dataset", "x"], "give --dataset NAME=URI"),
    ],
)  # fmt: skip
def test_a_fault_on_the_command_line_is_one_line_and_exit_2(automl, tmp_path, words, match):
    result = automl("job", "run", *words)
    assert (result.returncode, result.stdout) == (2, "")
    assert match in result.stderr and "Traceback" not in result.stderr
    assert not (tmp_path / "runs").exists()


def wait_for(is_so):
    for _ in range(300):
        if is_so():
            return
        time.sleep(0.1)
    raise AssertionError("it did not come within 30 s")
