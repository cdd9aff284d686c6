from made import made_experiment, report, start

from automl.report.page.distribution import chart


def test_the_share_of_trials_rises_to_one_at_the_best(tmp_path):
    experiment = made_experiment(
        tmp_path / "exp", start(0), report(0, 1, 0.2), start(1), report(1, 1, 0.6),
        start(2), report(2, 1, 0.4), start(3, confirms=1), report(3, 1, 0.9),
    )  # fmt: skip
    (line,) = chart(experiment)["data"]
    assert line["x"] == [0.2, 0.4, 0.6]
    assert line["y"] == [1 / 3, 2 / 3, 1.0]
    assert line["marker"]["symbol"] == ["circle", "circle", "star"]
