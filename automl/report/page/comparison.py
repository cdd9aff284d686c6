"""Experiments side by side: what each reached, its best so far, and the values of its best."""

from collections.abc import Sequence
from itertools import chain

from automl.experiment.experiment import Experiment
from automl.formats import compact, duration, score
from automl.report.page.charts import Figure, axis, epoch_axis, layout, metric_axis, time_unit
from automl.report.page.markup import Markup, Section, esc, note, plot, table
from automl.report.page.palette import STATES
from automl.report.page.timeline import Point, best_so_far, points

_COLOURS = tuple(STATES.values())
_DASHES = ("solid", "dash", "dot", "dashdot", "longdash")
"""A second sign beside the colours, which repeat after six experiments."""


def comparison(experiments: Sequence[Experiment]) -> tuple[str, list[Section]]:
    """Return the heading and the sections of a page; links lead to `e/PLACE/`."""
    heading = f'<h1>{len(experiments)} experiments</h1><p class="muted">side by side</p>'
    parts = [Section("experiments", "Experiments", [_overview(experiments)])]
    courses = [points(experiment) for experiment in experiments]
    groups = dict.fromkeys(experiment.settings.objective.metric for experiment in experiments)
    for metric in groups:
        chosen = [i for i, e in enumerate(experiments) if e.settings.objective.metric == metric]
        if any(courses[i] for i in chosen):
            figure = _best_so_far(experiments, courses, chosen)
            label = f"best {metric} so far of each experiment, by epochs and by time"
            parts.append(
                Section(f"best-{metric}", f"Best {metric} so far",
                        [plot(f"figure-best-{metric}", figure, label, min_width=640)])
            )  # fmt: skip
    parts.append(Section("values", "Values of the best trials", [_values(experiments)]))
    return heading, parts


def _overview(experiments: Sequence[Experiment]) -> str:
    rows = []
    for place, experiment in enumerate(experiments):
        best = experiment.best
        trials = experiment.history.trials.values()
        link = f'<a href="e/{place}/">{esc(_name(experiment))}</a>'
        rows.append(
            (
                Markup(link), experiment.state, experiment.settings.algorithm, len(trials),
                sum(t.epoch for t in trials), duration(experiment.history.driven_s),
                experiment.settings.objective.metric,
                "-" if best is None else score(experiment.value_of(best)),
                "-" if best is None else f"{best.number:04d}",
            )
        )  # fmt: skip
    heads = (
        "experiment",
        "state",
        "algorithm",
        "trials",
        "epochs",
        "time",
        "metric",
        "best",
        "trial",
    )
    return table(heads, rows)


def _best_so_far(
    experiments: Sequence[Experiment], courses: Sequence[Sequence[Point]], chosen: Sequence[int]
) -> Figure:
    shown = [i for i in chosen if courses[i]]
    metric = experiments[shown[0]].settings.objective.metric
    scale, unit = time_unit(max(courses[i][-1].seconds for i in shown))
    data: list[Figure] = []
    drawn: list[float] = []
    for i in shown:
        best, last = best_so_far(experiments[i], courses[i]), courses[i][-1]
        values = [p.value for p in best]
        drawn += values
        along = {
            "": [*(p.epochs for p in best), last.epochs],
            "2": [*(p.seconds / scale for p in best), last.seconds / scale],
        }
        style = {"shape": "hv", "color": _COLOURS[i % len(_COLOURS)], "width": 2.5,
                 "dash": _DASHES[i % len(_DASHES)]}  # fmt: skip
        name = _name(experiments[i])
        for end, x in along.items():
            data.append(
                {
                    "type": "scatter", "mode": "lines", "name": name, "legendgroup": str(i),
                    "showlegend": not end, "x": x, "y": [*values, *values[-1:]], "line": style,
                    "xaxis": f"x{end}", "yaxis": f"y{end}",
                    "text": [*(f"trial {p.trial:04d}, epoch {p.epoch}" for p in best), "end"],
                    "hovertemplate": f"{name}<br>%{{text}}<br>{metric} %{{y:.4f}}<extra></extra>",
                }
            )  # fmt: skip
    last_epoch = max(courses[i][-1].epochs for i in shown)
    return {
        "data": data,
        "layout": layout(
            380,
            xaxis=epoch_axis("epochs trained, all trials together", last_epoch, domain=[0, 0.47]),
            yaxis=metric_axis(metric, drawn),
            xaxis2=axis(f"time searched, {unit}", domain=[0.54, 1], rangemode="tozero"),
            yaxis2=axis(anchor="x2", matches="y"),
        ),
    }


def _values(experiments: Sequence[Experiment]) -> str:
    bests = [experiment.best for experiment in experiments]
    keys = dict.fromkeys(chain.from_iterable(best.values for best in bests if best is not None))
    if not keys:
        return note("No trial has a value yet.")
    rows = [
        (key, *("-" if best is None else compact(best.values.get(key)) for best in bests))
        for key in keys
    ]
    return table(("parameter", *map(_name, experiments)), rows, kind="values")


def _name(experiment: Experiment) -> str:
    return experiment.paths.root.resolve().name
