"""The page report.html: one file that opens without a network, made of an experiment's folder."""

from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from itertools import chain
from pathlib import Path

from automl.errors import UsageError
from automl.experiment.experiment import Experiment
from automl.files import write_atomic
from automl.formats import compact
from automl.report.page import charts, proof, skill_report, space_charts
from automl.report.page.markup import bar, esc, note, plot, section, table, tiles
from automl.report.page.parallel import parallel
from automl.report.page.timeline import Point, best_so_far, points
from automl.space.space import SearchSpace

TOP = 10
"""Trials whose values are listed side by side."""


_POLICY = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:"
)
"""What the page may load: nothing but what is in it."""


def write_report(experiment: Experiment, space: SearchSpace) -> Path:
    """Write report.html into an experiment's folder and return its path.

    Raises `UsageError` where plotly, which draws its figures, is not installed.
    """
    script = _plotly()
    write_atomic(experiment.paths.report, page(experiment, space, script))
    return experiment.paths.report


def page(experiment: Experiment, space: SearchSpace, script: str) -> str:
    """Return the page; `script` is plotly's."""
    state = experiment.ledger.closed or experiment.state
    here = Path(__file__).parent
    sections = list(_sections(experiment, space, state))
    title = esc(f"{experiment.paths.root.resolve().name}: automl report")
    links = "".join(f'<a href="#{name}">{esc(text)}</a>' for name, text, _ in sections)
    body = "".join(section(name, text, *parts) for name, text, parts in sections)
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        f'<title>{title}</title><link rel="icon" href="data:,">'
        f"<style>{(here / 'page.css').read_text()}</style></head><body>"
        f"<header>{_head(experiment, state)}<nav>{links}</nav></header><main>{body}</main>"
        "<noscript><p>The figures need JavaScript.</p></noscript>"
        f"<script>{script}</script><script>{(here / 'page.js').read_text()}</script>"
        "</body></html>\n"
    )


def _plotly() -> str:
    """Return plotly's script; its Python, which takes a second to import, is not needed."""
    found = find_spec("plotly")
    if found is None or not found.submodule_search_locations:
        raise UsageError("report.html needs plotly; install it: pip install plotly")
    path = Path(found.submodule_search_locations[0]) / "package_data" / "plotly.min.js"
    # Within a page this would end the script.
    return path.read_text(encoding="utf-8").replace("</script", "<\\/script")


def _sections(
    experiment: Experiment, space: SearchSpace, state: str
) -> Iterator[tuple[str, str, Sequence[str]]]:
    """Yield (name, title, parts) of what there is to show."""
    course = points(experiment)
    is_search = bool(space.parameters)
    yield "summary", "Summary", list(_summary(experiment, state, course))
    if best_so_far(experiment, course):
        yield "progress", "Best so far", _progress(experiment, course)
    if any(t.reports for t in experiment.ledger.trials.values()):
        yield "curves", "Learning curves", _curves(experiment, state)
    rows = space_charts.measured(experiment)
    if is_search and len(rows) > 1:
        yield "parallel", "Parallel coordinates", _parallel(experiment, space, len(rows))
        yield "importance", "What mattered", list(_importance(experiment))
        yield (
            "slices",
            "Slices",
            [
                note("Each trial's best value against each parameter alone."),
                plot("figure-slices", space_charts.slices(experiment, space, state)),
            ],
        )
    if len(experiment.settings.objectives) > 1:
        yield "pareto", "Pareto front", list(_front(experiment))
    if experiment.confirmed():
        yield "confirmed", "Confirmation", list(_confirmed(experiment))
    yield "trials", "Trials", list(_trials(experiment, state))
    yield "failures", "Failures", list(proof.failures(experiment))
    yield "resources", "Resources", list(_resources(experiment, state, course))
    shown_parts = list(_evidence(experiment))
    if shown_parts:
        yield "predictions", "The winner's results", shown_parts
    yield "parity", "Promotion", list(proof.parity(experiment))
    yield "reproduce", "To do it again", list(proof.reproduce(experiment))


def _head(experiment: Experiment, state: str) -> str:
    settings = experiment.settings
    name = esc(experiment.paths.root.resolve().name)
    what = f"{settings.algorithm} search" if settings.policy == "auto" else "one plain training"
    skill = Path(settings.skill).name
    return f'<h1>{name}</h1><p class="muted">{esc(f"{what} of {skill}, {state}")}</p>'


def _summary(experiment: Experiment, state: str, course: Sequence[Point]) -> Iterator[str]:
    settings, best = experiment.settings, experiment.best
    trials = list(experiment.ledger.trials.values())
    fates = [experiment.shown_state(t, state) for t in trials]
    counts = ", ".join(f"{fates.count(f)} {f}" for f in charts.FATES if f in fates)
    value = None if best is None else experiment.value_of(best)
    default = experiment.ledger.trials.get(0)
    baseline = None if default is None else experiment.value_of(default)
    facts = {f"best {settings.objective.metric}": (compact(value), "no trial has a value")}
    if best is not None:
        told = f"trial {best.number:04d}, epoch {experiment.epoch_of(best)}"
        facts = {f"best {settings.objective.metric}": (compact(value), told)}
    gain = "-" if value is None or baseline is None else f"{value - baseline:+.4g}"
    facts["against the defaults"] = (gain, _baseline(baseline))
    facts["trials"] = (str(len(trials)), counts)
    told_totals = charts.totals(experiment, course)
    facts["time searched"] = (
        told_totals["time searched"],
        f"{told_totals['epochs trained']} epochs trained",
    )
    facts["promotion"] = _promoted(experiment)
    yield tiles(facts)
    if settings.route.get("is_fallback"):
        yield note(settings.route["reason"])
    if best is not None and best.values:
        yield _winner(experiment)


def _baseline(value: float | None) -> str:
    return "trial 0000 has no value" if value is None else f"trial 0000 has {compact(value)}"


def _promoted(experiment: Experiment) -> tuple[str, str]:
    promotion = experiment.promotion
    if promotion is None:
        return ("rejected", "see below") if experiment.paths.rejected.exists() else ("none", "")
    parity = promotion["parity"]
    return "equal", f"exported model differs by {parity['difference']:.1e}"


def _winner(experiment: Experiment) -> str:
    best, shares = experiment.best, experiment.importance or {}
    assert best is not None
    default = experiment.ledger.trials.get(0)
    defaults = {} if default is None else default.values
    rows = [
        (key, compact(defaults.get(key)), compact(value), bar(shares[key]) if key in shares else "")
        for key, value in best.values.items()
    ]
    rows.sort(key=lambda row: -shares.get(row[0], 0.0))
    heads = ("parameter", "default", f"trial {best.number:04d}", "share of what mattered")
    return table(heads if shares else heads[:3], rows if shares else [row[:3] for row in rows])


def _progress(experiment: Experiment, course: Sequence[Point]) -> list[str]:
    default = experiment.ledger.trials.get(0)
    told = ""
    if default is not None and experiment.value_of(default) is not None:
        told = (
            f" The dashed line is the best of trial 0, the defaults, which trained for "
            f"{default.epoch} of {experiment.settings.budget.epochs} epochs."
        )
    text = "Failed trials and repeats are left out; time between sessions does not count."
    return [note(text + told), plot("figure-progress", charts.progress(experiment, course))]


def _curves(experiment: Experiment, state: str) -> list[str]:
    text = "A click on a fate in the legend hides it, a double click hides all others."
    return [note(text), plot("figure-curves", charts.curves(experiment, state))]


def _parallel(experiment: Experiment, space: SearchSpace, count: int) -> list[str]:
    text = (
        f"One line a trial, {count} with a value. Draw a box over a part of an axis to pick the "
        "trials that pass there; a double click shows all. A parameter whose switch is off stands "
        "at off."
    )
    if experiment.importance:
        text += " The parameters that mattered most are at the right."
    left_out = len(space.parameters) - len(space_charts.charted(experiment, space))
    if left_out:
        text += (
            f" Left out of {len(space.parameters)} parameters: {left_out}, which were off in every "
            f"trial or are beyond the {space_charts.MOST} that mattered most."
        )
    return [note(text), plot("figure-parallel", parallel(experiment, space))]


def _importance(experiment: Experiment) -> Iterator[str]:
    shares = experiment.importance
    if shares:
        yield note("Each parameter's share of the differences in the objective, by fANOVA.")
        yield plot("figure-importance", space_charts.importance(shares))
    else:
        yield note(
            "Worked out when a search ends with enough trials that differ; before: "
            f"automl importance {experiment.paths.root}"
        )


def _front(experiment: Experiment) -> Iterator[str]:
    yield note("No other trial beats one of the front in every objective.")
    yield plot("figure-pareto", charts.fronts(experiment))
    objectives = [o.metric for o in experiment.settings.objectives]
    rows = [
        [f"{t.number:04d}", *(values[o] for o in objectives)] for t, values in experiment.front()
    ]
    yield table(("trial", *objectives), rows)


def _confirmed(experiment: Experiment) -> Iterator[str]:
    yield note("The best trials, trained again with fresh seeds; only the repeats count.")
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
        fate = experiment.shown_state(trial, state)
        peak = charts.peak_of(experiment, trial)
        told = "defaults" if trial.number == 0 else ""
        if trial.confirms is not None:
            told = f"repeat of {trial.confirms:04d}"
        rows.append(
            (
                rank, f"{trial.number:04d}", experiment.value_of(trial), experiment.epoch_of(trial),
                f"{trial.epoch}/{trial.epochs}",
                fate + (f": {trial.failure.kind.value}" if trial.failure else ""),
                f"{trial.seconds:.1f}",
                "-" if peak is None else f"{peak:.0f}", told,
            )
        )  # fmt: skip
    heads = ("rank", "trial", metric, "at epoch", "epochs", "fate", "seconds", "peak MB", "")
    yield table(heads, rows, marked=ranking.index(best) if best in ranking else None)
    top = [t for t in ranking if t.values and experiment.value_of(t) is not None][:TOP]
    default = experiment.ledger.trials.get(0)
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
        "Seconds are those in which a trial had a worker. Peak memory is that of the trial's "
        "process on the host and of what it started, looked at once a second; GPUs' memory is "
        "not in it."
    )
    if experiment.ledger.trials:
        yield plot("figure-resources", charts.resources(experiment, state))


def _evidence(experiment: Experiment) -> Iterator[str]:
    best = experiment.best
    if best is not None:
        yield from skill_report.parts(experiment.paths.trial(best.number), "training")
    yield from skill_report.parts(experiment.paths.promoted / "test", "test")
