import math
import sqlite3
import subprocess
import sys
from dataclasses import replace

import pytest

from automl.errors import UsageError
from automl.jobs.record import Job, JobState
from automl.jobs.store import FORMAT, JobStore
from automl.trial.trial import Failure, FailureKind
from automl.version import __version__


@pytest.fixture
def store(tmp_path):
    return JobStore(tmp_path / "runs")


def test_a_job_is_read_as_it_was_written(store):
    job = Job("train-1", "train", "toy", parent="exp", state=JobState.FAILED, created=1.5, pid=7,
              metrics={"score": 0.5}, artifacts={"best": "best.json"}, best_epoch=2, last_epoch=3,
              failure=Failure(FailureKind.CRASHED, "why"))  # fmt: skip
    store.put(job)
    assert store.get("train-1") == job
    assert store.jobs() == store.jobs(parent="exp") == [job]
    assert store.jobs(parent="other") == []


def test_jobs_below_a_folder_are_replaced_and_others_stay(store):
    store.put(*(Job(name, "export", "toy") for name in ("a_b", "a_b/x", "axb/y", "a_bc")))
    store.replace_below("a_b", Job("a_b/z", "export", "toy"))
    assert {job.id for job in store.jobs()} == {"a_b/z", "axb/y", "a_bc"}


def test_a_running_job_whose_lock_nobody_holds_is_lost(store):
    store.put(Job("train-1", "train", "toy", state=JobState.RUNNING, pid=1))
    store.folder(store.get("train-1")).mkdir()
    assert store.get("train-1").state is JobState.LOST


def test_a_root_without_a_database_has_no_jobs(store):
    assert store.jobs() == []
    with pytest.raises(UsageError, match="there is no job 'x': .*/ has no jobs yet"):
        store.get("x")


def test_the_database_names_its_format_and_the_version_that_wrote_it(store):
    store.put(Job("train-1", "train", "toy"))
    with sqlite3.connect(store.path) as database:
        assert database.execute("SELECT * FROM about").fetchall() == [(FORMAT, __version__)]


@pytest.mark.parametrize(
    ("statement", "writer"),
    [("UPDATE about SET format = 99, automl = '9.0'", "automl 9.0"),
     ("DROP TABLE about", "the version that wrote it")],
)  # fmt: skip
def test_a_database_of_another_format_is_refused_with_both_versions(store, statement, writer):
    store.put(Job("train-1", "train", "toy"))
    with sqlite3.connect(store.path) as database:
        database.execute(statement)
    for use in (store.jobs, lambda: store.put(Job("train-2", "train", "toy"))):
        with pytest.raises(UsageError, match=f"{__version__} reads format 1.*{writer}"):
            use()


def test_a_file_that_is_no_database_is_refused_in_one_line(store):
    store.root.mkdir()
    store.path.write_bytes(b"garbage" * 1000)
    with pytest.raises(UsageError, match=r"jobs\.db: cannot be read \(.*\); move it aside"):
        store.jobs()


def test_a_metric_that_is_no_number_is_kept_as_such(root, trained):
    store = JobStore(root)
    store.put(replace(trained, metrics={"score": math.nan}))
    assert math.isnan(store.get(trained.id).metrics["score"])


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


@pytest.fixture
def kept(tmp_path):
    store = JobStore(tmp_path / "runs", is_kept_open=True)
    yield store
    store.close()


def test_others_read_and_write_beside_a_store_that_is_kept_open(kept, store):
    kept.put(Job("train-1", "train", "toy"))
    store.put(Job("train-2", "train", "toy"))
    kept.put(Job("train-3", "train", "toy"))
    assert {job.id for job in store.jobs()} == {"train-1", "train-2", "train-3"}


def test_a_database_that_was_moved_aside_meanwhile_is_begun_anew(kept):
    kept.put(Job("train-1", "train", "toy"))
    kept.path.rename(kept.root / "aside.db")
    kept.put(Job("train-2", "train", "toy"))
    assert [job.id for job in kept.jobs()] == ["train-2"]


def test_jobs_of_a_killed_process_that_kept_its_store_open_are_read_also_where_nobody_may_write(
    tmp_path,
):
    code = (
        "import os, sys; from pathlib import Path; from automl.jobs.record import Job\n"
        "from automl.jobs.store import JobStore\n"
        "store = JobStore(Path(sys.argv[1]), is_kept_open=True)\n"
        "store.put(Job('train-1', 'train', 'toy')); os.kill(os.getpid(), 9)"
    )
    root = tmp_path / "runs"
    assert subprocess.run([sys.executable, "-c", code, root]).returncode == -9
    for file in root.iterdir():
        file.chmod(0o444)
    root.chmod(0o555)
    try:
        assert [job.id for job in JobStore(root).jobs()] == ["train-1"]
    finally:
        root.chmod(0o755)
