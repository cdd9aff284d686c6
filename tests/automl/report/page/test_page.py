"""report.html and leaderboard.csv: what they say is what the journal says."""

import base64
import gzip
import json
import re
import shutil
import time
from dataclasses import replace

import pytest
from rewritten import rewrite_journal
from searched import LOCAL, SEARCHED

import automl
from automl.errors import RunFailed
from automl.experiment.experiment import space_of
from automl.experiment.history import History
from automl.experiment.journal import FORMAT, Journal
from automl.experiment.memory import peak_mb
from automl.formats import compact
from automl.report.page import skill_report
from automl.report.page.markup import embedded, esc
from automl.report.page.page import page
from automl.report.page.parallel import MOST_AXES
from automl.report.page.timeline import best_so_far, points


def text_of(experiment):
    return experiment.paths.report.read_text()


def page_of(experiment):
    """Return the page as it is written, less plotly's script."""
    return page(experiment, space_of(experiment.paths, experiment.settings), script="")


@pytest.fixture(scope="module")
def experiment(tmp_path_factory):
    """A search of 16 parameters, of which some trials fail; do not change it."""
    folder = tmp_path_factory.mktemp("report")
    (folder / "data").mkdir()
    return automl.run(
        **LOCAL, data=folder / "data", out=folder / "exp", trials=20, epochs=6, algorithm="asha",
        search=SEARCHED, spec={"train.fail": "lion"}, stop_rule=False,
    )  # fmt: skip


@pytest.fixture
def copy(experiment, tmp_path):
    """A copy of it that a test may change."""
    shutil.copytree(experiment.paths.root, tmp_path / "copy")
    return automl.Experiment.load(tmp_path / "copy")


def test_what_a_skill_shows_of_the_data_comes_after_the_summary(copy):
    for number, title in enumerate(("Tables", "Pictures")):
        folder = copy.paths.data / f"{number}-part"
        folder.mkdir(parents=True)
        (folder / "report.json").write_text(json.dumps({"title": title}))
    text = page_of(copy)
    first = text.index('<section id="data">')
    assert text.index('id="summary"') < first < text.index("Tables") < text.index("Pictures")
    assert text.index("Pictures") < text.index('id="progress"')


def test_curves_are_the_journals_reports(experiment):
    figure = embedded(text_of(experiment), "figure-curves")
    told = {}
    for event in Journal(experiment.paths.journal).read():
        if event["event"] == "report":
            told.setdefault(event["trial"], []).append((event["epoch"], event["metrics"]["score"]))
    drawn = {line["meta"]: list(zip(line["x"], line["y"], strict=True)) for line in figure["data"]}
    assert drawn == told
    assert figure["data"][-1]["name"].startswith(f"best: trial {experiment.best.number:04d}")


def test_best_so_far_ends_at_the_best_value_after_all_epochs(experiment):
    figure = embedded(text_of(experiment), "figure-progress")
    default, over_epochs, _, over_time = figure["data"]
    epochs = sum(t.epoch for t in experiment.history.trials.values())
    assert (over_epochs["x"][-1], over_epochs["y"][-1]) == (
        epochs, experiment.value_of(experiment.best),
    )  # fmt: skip
    assert over_epochs["y"] == sorted(over_epochs["y"]) == over_time["y"]
    assert set(default["y"]) == {experiment.value_of(experiment.history.trials[0])}


def test_lines_of_the_parallel_coordinates_are_the_trials_values(experiment):
    figure = embedded(text_of(experiment), "figure-parallel")
    lines = {line["meta"]: line["text"] for line in figure["data"]}
    trials = experiment.history.trials
    assert lines.keys() == trials.keys()
    assert len(figure["layout"]["xaxis"]["ticktext"]) == MOST_AXES + 1
    keys = [text.split()[0] for text in lines[0]][:MOST_AXES]
    for number, texts in lines.items():
        values = {key: compact(value) for key, value in trials[number].values.items()}
        assert texts[:MOST_AXES] == [
            f"{key} = {values[key]}" if key in values else f"{key} is off" for key in keys
        ]
        assert any(text.startswith("score = ") for text in texts) == (not trials[number].failure)


def test_slices_and_importance_hold_what_was_recorded(experiment):
    text = text_of(experiment)
    slices = embedded(text, "figure-slices")
    drawn = [x for trace in slices["data"] for x in trace["x"]]
    for trial in experiment.history.trials.values():
        assert trial.failure or trial.values["train.lr"] in drawn
    shares = embedded(text, "figure-importance")["data"][0]
    assert dict(zip(shares["y"], shares["x"], strict=True)) == experiment.importance


def test_every_trial_is_in_the_table_and_failures_have_their_log(experiment):
    text = text_of(experiment)
    for trial in experiment.history.trials.values():
        assert f"<td>{trial.number:04d}</td>" in text
    failed = [t for t in experiment.history.trials.values() if t.failure]
    assert failed
    assert f"{len(failed)} trials: {', '.join(f'{t.number:04d}' for t in failed)}" in text
    assert "ValueError: toy: a lion" in text


def test_the_page_refers_to_nothing_outside_itself(experiment):
    text = page_of(experiment)
    assert "default-src 'none'" in text
    sources = re.findall(r"""(?:src|href|action)=["']?([^"'> ]*)""", text)
    assert sources and all(s.startswith(("data:", "#")) for s in sources)
    assert not re.search(r"@import|url\(", text)
    packed = re.findall('id="plotly">([^<]*)</script>', text_of(experiment))
    assert [gzip.decompress(base64.b64decode(one)).count(b"plotly.js v") for one in packed] == [1]
    assert len(text_of(experiment)) < 2_500_000


def test_what_a_trial_says_is_shown_as_text_and_without_secrets(copy, monkeypatch):
    monkeypatch.setenv("MY_API_KEY", "hush-hush-hush")
    failed = next(t for t in copy.history.trials.values() if t.failure)
    log = copy.paths.trial(failed.number) / "log.txt"
    log.write_text("<script>alert(1)</script>\nkey hush-hush-hush at s3://me:word@host/x\n\x00\n")
    text = page_of(copy)
    assert "<script>alert" not in text and esc("<script>alert(1)</script>") in text
    assert "hush-hush" not in text and "me:word" not in text
    assert "\x00" not in text


def test_results_that_the_skill_shows_are_in_the_page(experiment):
    text = text_of(experiment)
    score = experiment.value_of(experiment.best)
    assert 'src="data:image/png;base64,' in text and "a &lt;toy&gt;" in text
    assert f'<td class="number">{score:.4g}</td>' in text and "background:#3366cc" in text
    (cells,) = embedded(text, "test-matrix-0")["data"]
    assert cells["customdata"] == [[3, 1], [0, 4]] and cells["z"] == [[75, 25], [0, 100]]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ({"title": "x", "titel": "y"}, "'titel' was unexpected"),
        ({"title": "x", "matrices": [{"labels": ["a"], "values": [[1, 2]]}]}, "1 rows of 1 values"),
        ({"title": "x", "images": [{"file": "../../../settings.yaml"}]}, "not shown"),
        (
            {"title": "x", "tables": [{"columns": ["a"], "rows": [[{"colour": "red"}]]}]},
            "'red' does not match",
        ),
    ],
)
def test_results_that_are_not_understood_are_said_to_be_so(copy, content, told):
    path = copy.paths.promoted / "test" / skill_report.FILE
    path.write_text(json.dumps(content))
    text = page_of(copy)
    assert told in text.replace("&#x27;", "'")
    assert "base64" not in text


def test_whatever_parity_holds_is_shown(copy):
    told = copy.history.promotion["parity"]
    told["int8"] = {"value": 0.87654321, "made": {"by": "<cpu>"}}
    told["latency"] = {"onnx": {"median_ms": 1.25}, "int8": {"median_ms": 0.75}}
    text = page_of(copy)
    assert "<td>0.876543</td>" in text
    assert "<td>made, by</td><td>&lt;cpu&gt;</td>" in text
    assert "<h3>Latency</h3>" in text
    assert "<thead><tr><td></td><th>onnx</th><th>int8</th>" in text
    assert "<td>median ms</td><td>1.25</td><td>0.75</td>" in text


def test_the_command_the_versions_and_the_best_spec_are_in_it(experiment):
    text = text_of(experiment)
    assert "automl run --skill toy" in text
    assert f"automl reproduce {experiment.paths.root} {experiment.best.number} --check" in text
    assert f"optuna {experiment.settings.versions['optuna']}" in text
    assert f"The whole spec of trial {experiment.best.number:04d}" in text


def test_it_takes_less_than_two_seconds_of_work(experiment):
    begun = time.process_time()
    experiment.report()
    assert time.process_time() - begun < 2


def test_several_objectives_have_their_front(tmp_path, toy_data):
    found = automl.run(**LOCAL, data=toy_data, out=tmp_path / "exp", trials=12, epochs=4,
                       objective=["score", "parameters:min"])  # fmt: skip
    front = embedded(text_of(found), "figure-pareto")["data"][-1]
    drawn = set(zip(front["y"], front["x"], strict=True))
    assert drawn == {(v["score"], v["parameters"]) for _, v in found.front()}


def test_a_search_that_fails_has_a_page_too(tmp_path, toy_data):
    with pytest.raises(RunFailed, match="3 trials failed"):
        automl.run(**LOCAL, data=toy_data, out=tmp_path / "exp", spec={"train.fail": "crash"})
    text = (tmp_path / "exp" / "report.html").read_text()
    assert "ValueError: toy: broke" in text and "no trial has a value" in text


def test_a_search_that_was_cut_off_has_a_page_at_every_event(copy):
    lines = copy.paths.journal.read_bytes().splitlines(keepends=True)
    for cut in (1, 2, 3, len(lines) // 2):
        copy.paths.journal.write_bytes(b"".join(lines[:cut]))
        text = page_of(automl.Experiment.load(copy.paths.root))
        assert "asha search of toy, interrupted" in text


def test_one_plain_training_has_a_page_too(tmp_path, toy_data):
    found = automl.run(**LOCAL, data=toy_data, out=tmp_path / "exp", policy=False)
    assert "single training of toy, finished" in text_of(found)


def test_a_page_that_cannot_be_written_costs_no_result(copy, capsys):
    copy.paths.report.unlink()
    copy.paths.report.mkdir()
    promoted = copy.promote()
    assert promoted.state == "finished" and promoted.promotion["trial"] == copy.best.number
    assert "report.html could not be written: IsADirectoryError" in capsys.readouterr().err


def test_the_command_writes_it_and_prints_where(copy, capsys):
    from automl.cli import main

    copy.paths.report.unlink()
    assert main(["report", str(copy.paths.root)]) == 0
    assert capsys.readouterr().out.strip() == str(copy.paths.report)
    assert main(["report", str(copy.paths.root), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"report": str(copy.paths.report)}
    assert "figure-curves" in text_of(copy)
    assert main(["report", str(copy.paths.root / "nowhere")]) == 2
    assert "is not an experiment folder" in capsys.readouterr().err


def test_initial_weights_are_named_with_their_licence(copy):
    weights = {"source": "package:x", "licence": "CC-BY-NC"}
    copy = replace(copy, settings=replace(copy.settings, weights=weights))
    assert "Initial weights: package:x (CC-BY-NC)." in page_of(copy)
    assert "Initial weights" not in page_of(
        replace(copy, settings=replace(copy.settings, weights={}))
    )


def test_time_between_sessions_does_not_count(copy):
    events = list(Journal(copy.paths.journal).read())
    cut = len(events) // 2
    for event in events[cut:]:
        event["time"] += 3600
    events.insert(cut, {"event": "opened", "format": FORMAT, "time": events[cut]["time"]})
    rewrite_journal(copy.paths.journal, events)
    course = points(automl.Experiment.load(copy.paths.root))
    assert course[-1].seconds < 3600
    assert best_so_far(copy, course)[-1].value == copy.value_of(copy.best)


def test_a_pause_is_no_time_of_the_trial():
    history = History()
    for event in (
        {"event": "start", "trial": 0, "values": {}, "epochs": 2, "time": 100.0},
        {"event": "finish", "trial": 0, "state": "paused", "time": 103.0},
        {"event": "finish", "trial": 0, "state": "stopped", "time": 500.0},
    ):
        history.apply(event)
    assert history.trials[0].seconds == 3.0


def test_a_bar_of_the_report_is_the_peak_memory_that_the_trial_wrote(experiment):
    bars = embedded(text_of(experiment), "figure-resources")["data"]
    told = {n: mb for bar in bars if bar["yaxis"] == "y2"
            for n, mb in zip(bar["x"], bar["y"], strict=True)}  # fmt: skip
    assert told == {n: peak_mb(experiment.paths.trial(n)) for n in experiment.history.trials}
