"""The page report.html: one file that opens offline, made from an experiment's folder."""

import base64
import gzip
from collections.abc import Iterator, Sequence
from functools import cache
from importlib.util import find_spec
from itertools import chain
from pathlib import Path

from automl.errors import UsageError
from automl.experiment.experiment import Experiment
from automl.files import write_atomic
from automl.formats import compact, counted, score, short_names
from automl.report.importance import FEW
from automl.report.page import charts, proof, schedule, skill_report, space_charts, space_sections
from automl.report.page.markup import Section, bar, data, esc, note, plot, table, tiles
from automl.report.page.palette import DARK, STATES
from automl.report.page.timeline import Point, best_so_far, points
from automl.space.space import SearchSpace
from automl.trial.trial import Trial

TOP = 10
"""Trials whose values are compared in a table."""

_POLICY = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:"
)
"""The page may load nothing that is not in it."""


def write_report(experiment: Experiment, space: SearchSpace) -> Path:
    """Write report.html into an experiment's folder and return its path.

    Raises `UsageError` if plotly, which draws the figures, is not installed.
    """
    script = plotly()
    write_atomic(experiment.paths.report, page(experiment, space, script))
    return experiment.paths.report


def page(experiment: Experiment, space: SearchSpace, script: str) -> str:
    """Return the page; `script` is plotly's, compressed."""
    # A report that a session writes at its end is that of a session that has ended.
    state = experiment.history.closed or experiment.state
    name = experiment.paths.root.resolve().name
    return document(
        f"{name}: automl report",
        head(experiment, state),
        sections(experiment, space, state),
        script,
    )


def document(
    title: str, heading: str, parts: Sequence[Section], script: str, *, live: str = ""
) -> str:
    """Return a page of sections; `live` is what a page that renews itself has besides."""
    body = "".join(part.html for part in parts)
    policy = _POLICY + ("; connect-src 'self'" if live else "")
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        f'<title>{esc(title)}</title><link rel="icon" href="data:,">'
        f"<style>{_text('page.css')}</style></head><body>"
        f'<header><div id="heading">{heading}</div>{links(parts)}</header><main>{body}</main>'
        "<noscript><p>The figures need JavaScript.</p></noscript>"
        f'<script type="application/gzip" id="plotly">{script}</script>{data("dark", DARK)}'
        f"<script>{_text('table.js')}\n{_text('page.js')}</script>{live}"
        "</body></html>\n"
    )


def _text(name: str) -> str:
    return (Path(__file__).parent / name).read_text()


def links(parts: Sequence[Section]) -> str:
    """Return the links to the sections of a page."""
    inner = "".join(f'<a href="#{part.name}">{esc(part.title)}</a>' for part in parts)
    return f'<nav aria-label="sections">{inner}</nav>'


def sections(experiment: Experiment, space: SearchSpace, state: str) -> list[Section]:
    """Return the sections of an experiment's page that have content."""
    return [Section(*one) for one in _sections(experiment, space, state)]


def plotly() -> str:
    """Return plotly's script as base64 of gzip, without importing its Python, which takes long."""
    found = find_spec("plotly")
    if found is None or not found.submodule_search_locations:
        raise UsageError("report.html needs plotly; install it: pip install plotly")
    path = Path(found.submodule_search_locations[0]) / "package_data" / "plotly.min.js"
    return _packed(path)


@cache
def _packed(path: Path) -> str:
    """Return a file as base64 of gzip; packed once, since that takes longer than all the rest."""
    return base64.b64encode(gzip.compress(path.read_bytes(), mtime=0)).decode()


def _sections(
    experiment: Experiment, space: SearchSpace, state: str
) -> Iterator[tuple[str, str, Sequence[str]]]:
    """Yield (name, title, parts) of each section that has content."""
    course = points(experiment)
    is_search = bool(space.parameters)
    data = [
        part
        for folder in sorted(experiment.paths.data.glob("*/"))
        for part in skill_report.parts(folder, f"data-{folder.name}")
    ]
    yield "summary", "Summary", list(_summary(experiment, state, course))
    if data:
        yield "data", "Data", data
    if best_so_far(experiment, course):
        yield "progress", "Best so far", _progress(experiment, course)
    if any(t.reports for t in experiment.history.trials.values()):
        yield "curves", "Learning curves", _curves(experiment, state)
    rows = space_charts.measured(experiment)
    if is_search and len(rows) > 1:
        yield from space_sections.sections(experiment, space, state)
    if len(experiment.settings.objectives) > 1:
        yield "pareto", "Pareto front", list(_front(experiment))
    if experiment.confirmed():
        yield "confirmed", "Confirmation", list(_confirmed(experiment))
    yield "trials", "Trials", list(_trials(experiment, state))
    yield "failures", "Failures", list(proof.failures(experiment))
    yield "resources", "Resources", list(_resources(experiment, state, course))
    results = list(_skill_reports(experiment))
    if results:
        yield "predictions", "Results of the best model", results
    yield "parity", "Promotion", list(proof.parity(experiment))
    yield "reproduce", "Reproduce this run", list(proof.reproduce(experiment))


def head(experiment: Experiment, state: str) -> str:
    """Return the heading of an experiment's page."""
    settings = experiment.settings
    name = esc(experiment.paths.root.resolve().name)
    kind = f"{settings.algorithm} search" if settings.policy == "auto" else "single training"
    skill = Path(settings.skill).name
    return f'<h1>{name}</h1><p class="muted">{esc(f"{kind} of {skill}, {state}")}</p>'


def _summary(experiment: Experiment, state: str, course: Sequence[Point]) -> Iterator[str]:
    settings, best = experiment.settings, experiment.best
    trials = list(experiment.history.trials.values())
    states = [experiment.shown_state(t, state) for t in trials]
    counts = ", ".join(f"{states.count(s)} {s}" for s in STATES if s in states)
    value = None if best is None else experiment.value_of(best)
    default = experiment.history.trials.get(0)
    baseline = None if default is None else experiment.value_of(default)
    facts = {f"best {settings.objective.metric}": (compact(value), "no trial has a value")}
    if best is not None:
        origin = f"trial {best.number:04d}, epoch {experiment.epoch_of(best)}"
        facts = {f"best {settings.objective.metric}": (compact(value), origin)}
    facts["against the defaults"] = _gain(best, value, baseline)
    facts["trials"] = (str(len(trials)), counts)
    totals = charts.totals(experiment, course)
    facts["time searched"] = (
        totals["time searched"],
        f"{totals['epochs trained']} epochs trained",
    )
    facts["promotion"] = _promoted(experiment)
    yield tiles(facts)
    if settings.weights_text is not None:
        yield note(f"Initial weights: {settings.weights_text}.")
    if settings.route.get("is_fallback"):
        yield note(settings.route["reason"])
    if best is not None and best.values:
        yield _winner(experiment)


def _gain(best: Trial | None, value: float | None, baseline: float | None) -> tuple[str, str]:
    """Return the best value against that of trial 0, and a line on it."""
    if baseline is None or value is None:
        return "-", "trial 0000, the defaults, has no value"
    if best is not None and best.number == 0:
        return "equal", "the defaults, trial 0000, are the best"
    return score(value - baseline, is_signed=True), f"trial 0000 has {compact(baseline)}"


def _promoted(experiment: Experiment) -> tuple[str, str]:
    promotion = experiment.promotion
    if promotion is None:
        return ("rejected", "see Promotion") if experiment.paths.rejected.exists() else ("none", "")
    difference, warnings = promotion["parity"]["difference"], promotion.get("warnings", ())
    if warnings:
        return "verified", f"{counted(len(warnings), 'warning')}: {'; '.join(warnings)}"
    if not difference:
        return "verified", "the exported model scores the same"
    return "verified", f"the exported model's score differs by {difference:.1e}"


def _winner(experiment: Experiment) -> str:
    best, shares = experiment.best, experiment.importance or {}
    assert best is not None
    default = experiment.history.trials.get(0)
    defaults = {} if default is None else default.values
    names = short_names({**best.values, **shares})
    keys = sorted(best.values, key=lambda key: -shares.get(key, 0.0))
    rows = [
        (
            names[key], compact(defaults.get(key)), compact(best.values[key]),
            bar(shares[key]) if key in shares else "",
        )
        for key in keys
    ]  # fmt: skip
    heads = ("parameter", "default", f"trial {best.number:04d}", "importance")
    count = len(space_charts.measured(experiment))
    if not shares:
        return table(heads[:3], [row[:3] for row in rows])
    return table(heads, rows) + (space_sections.few(count) if count < FEW else "")


def _progress(experiment: Experiment, course: Sequence[Point]) -> list[str]:
    default = experiment.history.trials.get(0)
    baseline = ""
    if default is not None and experiment.value_of(default) is not None:
        baseline = (
            f" The dashed line is the best of trial 0 (the defaults), which trained for "
            f"{default.epoch} of {experiment.settings.budget.epochs} epochs."
        )
    text = "Failed trials and repeats are left out; time between sessions does not count."
    return [
        note(text + baseline),
        plot(
            "figure-progress",
            charts.progress(experiment, course),
            "best value so far",
            min_width=640,
        ),
    ]


def _curves(experiment: Experiment, state: str) -> list[str]:
    text = "Click a state in the legend to hide it; double-click to hide all others."
    return [
        note(text),
        plot("figure-curves", charts.curves(experiment, state), "metric of each trial by epoch"),
    ]


def _front(experiment: Experiment) -> Iterator[str]:
    yield note("No trial beats one of the front in every objective.")
    yield plot("figure-pareto", charts.fronts(experiment), "trials by their objectives")
    objectives = [o.metric for o in experiment.settings.objectives]
    rows = [
        [f"{t.number:04d}", *(values[o] for o in objectives)] for t, values in experiment.front()
    ]
    yield table(("trial", *objectives), rows)


def _confirmed(experiment: Experiment) -> Iterator[str]:
    yield note("The best trials, retrained with fresh seeds; only the repeats count.")
    rows = [
        (f"{row['trial']:04d}", row["mean"], ", ".join(compact(v) for v in row["values"]),
         f"{row['best_trial']:04d}")
        for row in experiment.confirmed()
    ]  # fmt: skip
    yield table(("trial", "mean of the repeats", "repeats", "best repeat"), rows)


def _trials(experiment: Experiment, state: str) -> Iterator[str]:
    metric, best, ranking = (
        experiment.settings.objective.metric,
        experiment.best,
        experiment.ranking(),
    )
    rows = []
    for rank, trial in enumerate(ranking, start=1):
        shown = experiment.shown_state(trial, state)
        peak = charts.peak_of(experiment, trial)
        remark = "defaults" if trial.number == 0 else ""
        if trial.confirms is not None:
            remark = f"repeat of {trial.confirms:04d}"
        rows.append(
            (
                rank, f"{trial.number:04d}", experiment.value_of(trial), experiment.epoch_of(trial),
                f"{trial.epoch}/{trial.epochs}",
                shown + (f": {trial.failure.kind.value}" if trial.failure else ""),
                f"{trial.seconds:.1f}",
                "-" if peak is None else f"{peak:.0f}", remark,
            )
        )  # fmt: skip
    heads = ("rank", "trial", metric, "at epoch", "epochs", "state", "seconds", "peak MB", "remark")
    marked = ranking.index(best) if best in ranking else None
    yield table(heads, rows, kind="trials", marked=marked)
    top = [t for t in ranking if t.values and experiment.value_of(t) is not None][:TOP]
    default = experiment.history.trials.get(0)
    if top and default is not None and default.values and default not in top:
        top = [*top[: TOP - 1], default]
    if top:
        yield f"<h3>Values of the best {len(top)}</h3>"
        keys = dict.fromkeys(chain.from_iterable(t.values for t in top))
        names = [f"{t.number:04d}" + (" (defaults)" if t.number == 0 else "") for t in top]
        yield table(
            ("", *names),
            [(key, *(compact(t.values.get(key)) for t in top)) for key in keys],
            kind="values",
        )
    yield note(f"All values of all trials: {experiment.paths.leaderboard}")


def _resources(experiment: Experiment, state: str, course: Sequence[Point]) -> Iterator[str]:
    yield table(("", "measured"), charts.totals(experiment, course).items())
    yield note(
        "Seconds count while a trial has a worker. Peak memory is the host memory of the trial's "
        "process and its children, sampled once a second; GPU memory is not included."
    )
    if experiment.history.trials:
        yield plot(
            "figure-resources",
            charts.resources(experiment, state),
            "seconds and memory of each trial",
        )
    runs = schedule.runs(experiment)
    if runs:
        yield note("When each trial ran, on as many rows as trials ran at once.")
        yield plot(
            "figure-schedule",
            schedule.chart(experiment, runs, state),
            "trials by worker and time",
            min_width=640,
        )


def _skill_reports(experiment: Experiment) -> Iterator[str]:
    best = experiment.best
    if best is not None:
        yield from skill_report.parts(experiment.paths.trial(best.number), "training")
    yield from skill_report.parts(experiment.paths.promoted / "test", "test")
