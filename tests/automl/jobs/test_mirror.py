import pytest
from made import closed, finish, made_experiment, report, start

from automl.jobs.mirror import JobObserver
from automl.jobs.store import JobStore


def test_a_search_is_a_job_and_its_trials_are_its_children(root, searched):
    store = JobStore(root)
    assert store.get("exp").state == "completed"
    assert store.get("exp").metrics["score"] == searched.value_of(searched.best)
    trials = store.jobs(parent="exp")
    assert [t.id for t in trials] == [f"exp/trials/000{n}" for n in range(3)]
    assert all(t.action == "train" and t.state in ("completed", "stopped") for t in trials)
    assert all((root / t.id / "spec.yaml").exists() for t in trials)


def test_the_steps_of_a_promotion_are_jobs_that_others_go_on_from(root, searched, run):
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
    measured = run("evaluate", "exp/promoted")
    assert measured.metrics["score"] == searched.value_of(searched.best)


@pytest.fixture
def cut_off(tmp_path):
    """An experiment that was killed in its second trial."""
    return made_experiment(
        tmp_path / "runs" / "exp", start(0), report(0, 1, 0.5), finish(0), start(1),
        report(1, 1, 0.75), finish(1, "failed", "crashed"), start(2),
    )  # fmt: skip


def test_a_session_records_what_earlier_ones_trained(cut_off):
    JobObserver(cut_off).opened(cut_off)
    jobs = {job.id: job for job in JobStore(cut_off.paths.root.parent).jobs()}
    assert jobs["exp"].metrics == {"score": 0.5}
    assert jobs["exp/trials/0000"].best_epoch == 1
    assert jobs["exp/trials/0001"].failure.kind == "crashed"
    # The folder's lock is held by nobody.
    assert jobs["exp"].state == jobs["exp/trials/0002"].state == "lost"


@pytest.mark.parametrize(
    ("state", "job_state"),
    [("finished", "completed"), ("failed", "failed"), ("stopped", "stopped")],
)
def test_the_end_of_a_session_is_the_end_of_its_job(tmp_path, state, job_state):
    experiment = made_experiment(tmp_path / "exp", start(0), finish(0), closed(state))
    JobObserver(experiment).closed(experiment)
    job = JobStore(tmp_path).get("exp")
    assert (job.state, job.ended) == (job_state, 1.0)


def test_a_database_that_cannot_be_written_is_reported_once(cut_off, capsys):
    (cut_off.paths.root.parent / "jobs.db").mkdir()
    observer = JobObserver(cut_off)
    observer.opened(cut_off)
    observer.closed(cut_off)
    assert capsys.readouterr().err.count("jobs.db cannot be written") == 1
