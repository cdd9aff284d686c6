from made import made_experiment, report, start
from spaces import build, real

from automl.report.writer import ReportWriter

SPACE = build({"lr": real(0.5, 0.0, 1.0)})


def test_the_page_is_written_when_a_session_ends(tmp_path):
    experiment = made_experiment(tmp_path / "exp", start(0, {"lr": 0.5}), report(0, 1, 0.5))
    ReportWriter(SPACE).closed(experiment)
    assert "figure-curves" in experiment.paths.report.read_text()


def test_without_trials_there_is_no_page(tmp_path):
    experiment = made_experiment(tmp_path / "exp")
    ReportWriter(SPACE).closed(experiment)
    assert not experiment.paths.report.exists()


def test_a_page_that_cannot_be_written_is_a_line_with_the_command(tmp_path, capsys):
    experiment = made_experiment(tmp_path / "exp", start(0, {"lr": 0.5}), report(0, 1, 0.5))
    experiment.paths.report.mkdir()
    ReportWriter(SPACE).closed(experiment)
    [line] = capsys.readouterr().err.splitlines()
    assert "report.html could not be written: IsADirectoryError" in line
    assert line.endswith(f"try again: automl report {experiment.paths.root}")
