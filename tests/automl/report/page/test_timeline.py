import math

from made import finish, made_experiment, report, start

from automl.report.page.timeline import best_so_far, points


def test_a_copy_pays_only_its_own_epochs(tmp_path):
    experiment = made_experiment(
        tmp_path / "exp", start(0), report(0, 1, 0.1), report(0, 2, 0.2),
        start(1, parent=0), report(1, 3, 0.3),
    )  # fmt: skip
    assert [point.epochs for point in points(experiment)] == [1, 2, 3]


def test_failed_trials_and_repeats_are_left_out(tmp_path):
    experiment = made_experiment(
        tmp_path / "exp", start(0), report(0, 1, 0.1), start(1), report(1, 1, 0.9),
        finish(1, "failed", "crashed"), start(2, confirms=0), report(2, 1, 0.8),
    )  # fmt: skip
    assert [point.trial for point in points(experiment)] == [0]


def test_the_best_so_far_skips_what_is_no_number(tmp_path):
    experiment = made_experiment(
        tmp_path / "exp", start(0), report(0, 1, None), report(0, 2, 0.4), report(0, 3, 0.3),
    )  # fmt: skip
    course = points(experiment)
    assert math.isnan(course[0].value)
    assert [(p.epoch, p.value) for p in best_so_far(experiment, course)] == [(2, 0.4)]
