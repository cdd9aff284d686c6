from made import finish, made_experiment, report, start

from automl.report.page.schedule import Run, chart, rows_of, runs


def test_a_run_lasts_from_its_start_to_the_report_that_ends_it(tmp_path):
    resume = {"event": "continue", "trial": 1, "epochs": 2, "is_interrupted": False}
    pause = {**report(1, 1, 0.3), "decision": "pause"}
    experiment = made_experiment(
        tmp_path / "exp", start(0), start(1), report(0, 1, 0.2), pause, finish(0),
        resume, report(1, 2, 0.4), finish(1),
    )  # fmt: skip
    assert [run.trial for run in runs(experiment)] == [0, 1, 1]
    (first, paused, resumed) = runs(experiment)
    assert first.start < paused.start < paused.end < first.end <= resumed.start < resumed.end


def test_runs_share_a_row_only_one_after_the_other():
    assert rows_of([Run(0, 0, 3), Run(1, 0, 1), Run(2, 1, 2), Run(3, 1.5, 4)]) == [0, 1, 1, 2]


def test_a_trial_that_runs_is_drawn_to_the_last_event(tmp_path):
    experiment = made_experiment(tmp_path / "exp", start(0), report(0, 1, 0.2), report(0, 2, 0.3))
    (run,) = runs(experiment)
    (bars,) = chart(experiment, [run], "running")["data"]
    assert bars["name"] == "running" and bars["x"] == [run.end - run.start]
