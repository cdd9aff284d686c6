"""Figures of the trials, as plotly's plain data: progress, learning curves, resources, fronts."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from automl.experiment.experiment import Experiment
from automl.experiment.memory import peak_mb
from automl.formats import compact, duration
from automl.report.page.palette import (
    BEST,
    BLUE,
    DEFAULT,
    GREY,
    GRID,
    PAGE,
    STATES,
    SYMBOLS,
    TEXT,
)
from automl.report.page.timeline import Point, best_so_far
from automl.trial.trial import Trial

Figure = dict[str, Any]

_LABEL = 0.09
"""The width of a trial's number, as a share of one of two axes beside each other."""


def layout(height: int, **more: Any) -> dict[str, Any]:
    """Return the layout that all figures share: a fixed height, as wide as the page."""
    return {
        "autosize": True,
        "height": height,
        "paper_bgcolor": PAGE,
        "plot_bgcolor": PAGE,
        "font": {"family": "system-ui, sans-serif", "size": 13, "color": TEXT},
        "margin": {"l": 70, "r": 20, "t": 40, "b": 55},
        "hoverlabel": {"bgcolor": PAGE, "font": {"color": TEXT}},
        "legend": {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom"},
        **more,
    }


def axis(title: str = "", **more: Any) -> dict[str, Any]:
    """Return an axis with a light grid."""
    return {
        "title": {"text": title, "standoff": 8},
        "gridcolor": GRID,
        "zeroline": False,
        "linecolor": GREY,
        "ticks": "outside",
        "tickcolor": GREY,
        **more,
    }


def metric_axis(title: str, values: Iterable[float], **more: Any) -> dict[str, Any]:
    """Return the axis of a metric; one whose values lie in 0..1 never shows more than that."""
    finite = [value for value in values if math.isfinite(value)]
    if finite and min(finite) >= 0 and max(finite) <= 1:
        margin = 0.06 * (max(finite) - min(finite)) or 0.05
        more["range"] = [max(0.0, min(finite) - margin), min(1.0, max(finite) + margin)]
    return axis(title, **more)


def epoch_axis(title: str, last: float, **more: Any) -> dict[str, Any]:
    """Return an axis from 0 to the last epoch, with about ten ticks at whole epochs."""
    return axis(title, rangemode="tozero", dtick=_whole_step(last), **more)


def _whole_step(last: float) -> int:
    """Return the distance of about ten ticks at whole numbers from 0 to the last."""
    power = int(10 ** max(0, math.floor(math.log10(max(1.0, last))) - 1))
    return next(factor * power for factor in (1, 2, 5, 10) if last <= 10 * factor * power)


def progress(experiment: Experiment, course: Sequence[Point]) -> Figure:
    """Return the best value so far over epochs and over time, with the default's line."""
    metric, mode = experiment.settings.objective.metric, experiment.settings.objective.mode
    best = best_so_far(experiment, course)
    scale, unit = time_unit(course[-1].seconds)
    places: tuple[tuple[str, str, list[float], float], ...] = (
        ("x", "y", [p.epochs for p in best], course[-1].epochs),
        ("x2", "y2", [p.seconds / scale for p in best], course[-1].seconds / scale),
    )
    default = experiment.history.trials.get(0)
    baseline = None if default is None else experiment.value_of(default)
    data: list[Figure] = []
    values = [p.value for p in best]
    drawn = values if baseline is None else [*values, baseline]
    for number, (x, y, along, end) in enumerate(places):
        if baseline is not None:
            data.append(
                {
                    "type": "scatter", "name": "defaults (trial 0)", "legendgroup": "default",
                    "showlegend": not number, "xaxis": x, "yaxis": y, "mode": "lines",
                    "x": [0, end], "y": [baseline, baseline],
                    "line": {"color": DEFAULT, "width": 1.5, "dash": "dash"},
                    "hovertemplate": f"defaults: {metric} %{{y:.4f}}<extra></extra>",
                }
            )  # fmt: skip
        leaders = _leaders(best, along, end)
        data.append(
            {
                "type": "scatter", "name": "best so far, by trial", "legendgroup": "best",
                "showlegend": not number, "xaxis": x, "yaxis": y, "mode": "lines+markers+text",
                "x": [*along, end], "y": [*values, *values[-1:]],
                "line": {"shape": "hv", "color": BEST, "width": 2.5},
                "marker": {"size": [*(7 for _ in best), 0], "color": BEST},
                "text": [*leaders, ""], "cliponaxis": False,
                "textposition": [*(_beside(place, end, mode) for place in along), "top left"],
                "textfont": {"size": 11, "color": TEXT},
                "customdata": [*(f"trial {p.trial:04d}, epoch {p.epoch}" for p in best), "end"],
                "hovertemplate": f"%{{customdata}}<br>{metric} %{{y:.4f}}<extra></extra>",
            }
        )  # fmt: skip
    return {
        "data": data,
        "layout": layout(
            360,
            xaxis=epoch_axis(
                "epochs trained, all trials together", course[-1].epochs, domain=[0, 0.47]
            ),
            yaxis=metric_axis(metric, drawn),
            xaxis2=axis(f"time searched, {unit}", domain=[0.54, 1], rangemode="tozero"),
            yaxis2=axis(anchor="x2", matches="y"),
        ),
    }


def _leaders(best: Sequence[Point], along: Sequence[float], end: float) -> list[str]:
    """Return the number of each trial where it takes the lead, as far as labels have room."""
    labels = [""] * len(best)
    right = math.inf
    for place in range(len(best) - 1, -1, -1):
        is_new = place == 0 or best[place - 1].trial != best[place].trial
        if is_new and right - along[place] >= _LABEL * end:
            labels[place] = f"{best[place].trial:04d}"
            right = along[place]
    return labels


def _beside(place: float, end: float, mode: str) -> str:
    """Return where a label stands: left of the step, or near the axis where no line goes."""
    if place >= _LABEL * end:
        return "top left"
    return "bottom right" if mode == "max" else "top right"


def curves(experiment: Experiment, state: str) -> Figure:
    """Return the learning curves of all trials, coloured by state, the best one on top."""
    objective, best = experiment.settings.objective, experiment.best
    trials = [t for t in experiment.history.trials.values() if t.reports]
    order = list(STATES)

    def place(trial: Trial) -> tuple[bool, bool, int]:
        shown = experiment.shown_state(trial, state)
        return (trial is best, trial.number == 0, -order.index(shown))

    data, named = [], set[str]()
    for trial in sorted(trials, key=place):
        shown = experiment.shown_state(trial, state)
        style = {"color": STATES[shown], "width": 1.3}
        symbol = SYMBOLS[shown]
        name = shown
        if trial is best:
            name, style = f"best: trial {trial.number:04d}, {shown}", {"color": BEST, "width": 3}
        elif trial.number == 0:
            name = f"defaults: trial 0000, {shown}"
            style = {"color": DEFAULT, "width": 2, "dash": "dash"}
        data.append(
            {
                "type": "scatter", "mode": "lines+markers", "name": name, "legendgroup": name,
                "showlegend": name not in named, "meta": trial.number,
                "x": [r.epoch for r in trial.reports],
                "y": [objective.measured(r.metrics) for r in trial.reports],
                "line": style, "marker": {"size": 5 if trial is best else 4, "symbol": symbol},
                "hovertemplate": f"trial {trial.number:04d}, {shown}<br>epoch %{{x}}<br>"
                f"{objective.metric} %{{y:.4f}}<extra></extra>",
            }
        )  # fmt: skip
        named.add(name)
    return {
        "data": data,
        "layout": layout(
            460,
            xaxis=epoch_axis("epoch", max(t.epoch for t in trials)),
            yaxis=metric_axis(
                objective.metric,
                (objective.measured(r.metrics) for t in trials for r in t.reports),
            ),
            hovermode="closest",
        ),
    }  # fmt: skip


def fronts(experiment: Experiment) -> Figure:
    """Return the first objective against each other one, the Pareto front marked."""
    first, *others = experiment.settings.objectives
    front = {t.number for t, _ in experiment.front()}
    rows = []
    for trial in experiment.history.trials.values():
        report = trial.best_report(first)
        if report is not None and experiment.value_of(trial) is not None:
            rows.append((trial, report.metrics))
    data: list[Figure] = []
    more: dict[str, Any] = {}
    gap = 0.08
    width = (1 - gap * (len(others) - 1)) / len(others)
    for place, other in enumerate(others):
        end = "" if place == 0 else str(place + 1)
        left = place * (width + gap)
        more[f"xaxis{end}"] = axis(f"{other.metric} ({other.mode})", domain=[left, left + width])
        more[f"yaxis{end}"] = axis(f"{first.metric} ({first.mode})", anchor=f"x{end}")
        for name, is_front in (("other trials", False), ("Pareto front", True)):
            group = sorted(
                ((other.measured(m), first.measured(m), t.number) for t, m in rows
                 if (t.number in front) == is_front)
            )  # fmt: skip
            data.append(
                {
                    "type": "scatter", "name": name, "legendgroup": name, "showlegend": not place,
                    "xaxis": f"x{end}", "yaxis": f"y{end}",
                    "mode": "lines+markers" if is_front and len(others) == 1 else "markers",
                    "x": [x for x, _, _ in group], "y": [y for _, y, _ in group],
                    "text": [f"trial {n:04d}" for _, _, n in group],
                    "marker": {"size": 10 if is_front else 7,
                               "color": BEST if is_front else STATES["stopped"]},
                    "line": {"color": BEST, "width": 1, "dash": "dot"},
                    "hovertemplate": f"%{{text}}<br>{other.metric} %{{x}}<br>"
                    f"{first.metric} %{{y}}<extra></extra>",
                }
            )  # fmt: skip
    return {"data": data, "layout": layout(420, **more)}


def resources(experiment: Experiment, state: str) -> Figure:
    """Return each trial's seconds and, if it was recorded, its peak memory."""
    trials = sorted(experiment.history.trials.values(), key=lambda t: t.number)
    peaks = [peak_of(experiment, t) for t in trials]
    has_memory = any(peak is not None for peak in peaks)
    rows: list[tuple[str, str, Sequence[float | None]]] = [
        ("seconds", "y", [t.seconds for t in trials])
    ]
    if has_memory:
        rows.append(("peak memory, MB", "y2", peaks))
    states = [experiment.shown_state(t, state) for t in trials]
    data: list[Figure] = []
    for title, y, values in rows:
        for name in [s for s in STATES if s in states]:
            chosen = [i for i, s in enumerate(states) if s == name]
            data.append(
                {
                    "type": "bar", "name": name, "legendgroup": name, "showlegend": y == "y",
                    "yaxis": y, "x": [trials[i].number for i in chosen],
                    "y": [values[i] for i in chosen], "width": 0.8,
                    "marker": {"color": STATES[name]},
                    "hovertemplate": f"trial %{{x}}, {name}<br>{title}: %{{y:.1f}}<extra></extra>",
                }
            )  # fmt: skip
    more: dict[str, Any] = {
        "yaxis": axis(
            "seconds", rangemode="nonnegative", domain=[0.56, 1] if has_memory else [0, 1]
        )
    }
    if has_memory:
        more["yaxis2"] = axis("peak memory, MB", domain=[0, 0.46])
    anchor = "y2" if has_memory else "y"
    ends = [trials[0].number - 0.6, trials[-1].number + 0.6] if trials else [0, 1]
    return {
        "data": data,
        "layout": layout(
            440 if has_memory else 280, barmode="overlay",
            xaxis=axis("trial", anchor=anchor, dtick=_whole_step(ends[1]), range=ends), **more,
        ),
    }  # fmt: skip


def matrix(
    labels: Sequence[str], values: Sequence[Sequence[float]], rows: str, columns: str
) -> Figure:
    """Return a confusion matrix: shares of each row in percent, counts on hover."""
    totals = [sum(row) for row in values]
    shares = [
        [None if not total else 100 * value / total for value in row]
        for row, total in zip(values, totals, strict=True)
    ]
    count = len(labels)
    side = min(960, max(380, 44 * count + 160))
    cells = [[None if share is None else f"{share:.0f}" for share in row] for row in shares]
    places = list(range(count))
    return {
        "data": [
            {
                "type": "heatmap", "x": places, "y": places, "z": shares, "zmin": 0, "zmax": 100,
                "colorscale": [[0, PAGE], [1, BLUE]],
                "colorbar": {"title": {"text": "% of row"}, "thickness": 14},
                "text": cells, "texttemplate": "%{text}" if count <= 24 else "",
                "customdata": [list(row) for row in values], "xgap": 1, "ygap": 1,
                "hovertemplate": f"{rows} %{{y}}<br>{columns} %{{x}}<br>"
                "%{z:.2f} % (%{customdata})<extra></extra>",
            }
        ],
        "layout": layout(
            side, margin={"l": 130, "r": 20, "t": 30, "b": 120},
            xaxis=axis(columns, tickvals=places, ticktext=list(map(_short, labels)), tickangle=-45,
                       showgrid=False),
            yaxis=axis(rows, tickvals=places, ticktext=list(map(_short, labels)),
                       autorange="reversed", showgrid=False),
        ),
    }  # fmt: skip


def peak_of(experiment: Experiment, trial: Trial) -> float | None:
    """Return the peak memory of a trial in MB, as recorded in its folder."""
    return peak_mb(experiment.paths.trial(trial.number))


def totals(experiment: Experiment, course: Sequence[Point]) -> Mapping[str, str]:
    """Return what the search cost, in words."""
    trials = experiment.history.trials.values()
    costs = {"time searched": duration(course[-1].seconds) if course else "-"}
    costs["time of all trials together"] = duration(sum(t.seconds for t in trials))
    costs["epochs trained"] = str(course[-1].epochs if course else 0)
    if peaks := [peak for t in trials if (peak := peak_of(experiment, t)) is not None]:
        costs["largest peak memory of a trial"] = f"{compact(max(peaks))} MB"
    return costs


def time_unit(seconds: float) -> tuple[float, str]:
    """Return the unit of a time axis that ends here, in seconds, and its name."""
    if seconds < 180:
        return 1.0, "seconds"
    return (60.0, "minutes") if seconds < 3 * 3600 else (3600.0, "hours")


def _short(text: str, length: int = 16) -> str:
    return text if len(text) <= length else text[: length - 1] + "\N{HORIZONTAL ELLIPSIS}"
