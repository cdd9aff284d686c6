"""Figures of the search space: parameter importance, and each parameter alone."""

import math
from collections.abc import Sequence
from typing import Any

from automl.experiment.experiment import Experiment
from automl.formats import compact, short_names
from automl.report.page.charts import Figure, axis, layout
from automl.report.page.palette import BEST, BLUE, GREY, PAGE, STATES, SYMBOLS, TEXT
from automl.space.domain import Range
from automl.space.parameter import Parameter
from automl.space.space import SearchSpace
from automl.trial.trial import Trial

MOST = 16
"""Parameters in one figure; of more, the most important ones."""
MOST_LEVELS = 120
"""Trials, the best ones, that level lines are drawn through."""
_PER_ROW = 4
_LOG_TICKS = 4
"""Values at most at a logarithmic axis."""
_DIGITS = (1,), (1, 3), (1, 2, 5), (1, 1.5, 2, 3, 5, 7)
"""Leading digits of such values, the coarser before the finer."""


def charted(experiment: Experiment, space: SearchSpace) -> list[Parameter]:
    """Return the parameters that the figures show, the most important first.

    As long as importances are not known, the order of the space's overlay decides. A parameter that
    was off in every trial is left out.
    """
    shares = experiment.importance or {}
    tried = {key for trial, _ in measured(experiment) for key in trial.values}
    shown = [p for p in space.parameters.values() if p.key in tried]
    return sorted(shown, key=lambda p: (-shares.get(p.key, 0.0), p.rank or math.inf))[:MOST]


def measured(experiment: Experiment) -> list[tuple[Trial, float]]:
    """Return the trials of the search that have a value, worst first, without repeats."""
    rows = [
        (trial, value)
        for trial in experiment.ranking()
        if (value := experiment.value_of(trial)) is not None and trial.confirms is None
    ]
    return rows[::-1]


def slices(experiment: Experiment, space: SearchSpace, state: str) -> Figure:
    """Return one small figure per parameter: its values against the objective."""
    parameters, rows = charted(experiment, space), measured(experiment)
    names = short_names(list(space.parameters))
    lines = -(-len(parameters) // _PER_ROW)
    top, bottom = 40, 10
    data: list[Figure] = []
    more: dict[str, Any] = {"annotations": [], "showlegend": True}
    named = set[str]()
    for place, parameter in enumerate(parameters):
        line, column = divmod(place, _PER_ROW)
        end = "" if place == 0 else str(place + 1)
        left = column / _PER_ROW + 0.012
        across = [left, left + 1 / _PER_ROW - 0.045]
        down = [1 - (line + part) / lines for part in (0.76, 0.16)]
        scale = _value_axis(parameter, experiment)
        more[f"xaxis{end}"] = {**scale, "domain": across, "anchor": f"y{end}"}
        more[f"yaxis{end}"] = axis(domain=down, anchor=f"x{end}", nticks=4, tickfont={"size": 11})
        if place:
            more[f"yaxis{end}"]["matches"] = "y"
        more["annotations"].append(
            {
                "text": f"<b>{names[parameter.key]}</b>{' (log)' if parameter.is_log else ''}",
                "showarrow": False, "xref": "paper",
                "yref": "paper", "x": across[0], "y": down[1], "xanchor": "left",
                "yanchor": "bottom", "font": {"size": 12},
            }
        )  # fmt: skip
        data += _points(parameter, rows, end, experiment, state, named)
    return {
        "data": data,
        "layout": layout(
            top + bottom + 160 * lines, margin={"l": 40, "r": 10, "t": top, "b": bottom}, **more
        ),
    }


def _points(
    parameter: Parameter,
    rows: Sequence[tuple[Trial, float]],
    end: str,
    experiment: Experiment,
    state: str,
    named: set[str],
) -> list[Figure]:
    """Return the trials that have the parameter, one trace per state; `named` has their legends."""
    key, best = parameter.key, experiment.best
    groups: dict[str, list[tuple[Trial, float]]] = {}
    for trial, value in rows:
        if key in trial.values:
            is_best = best is not None and best.values == trial.values
            name = "best" if is_best else experiment.shown_state(trial, state)
            groups.setdefault(name, []).append((trial, value))
    traces = []
    for name in [n for n in ("stopped", "completed", "paused", "running", "interrupted", "best")
                 if n in groups]:  # fmt: skip
        group = groups[name]
        traces.append(
            {
                "type": "scatter", "mode": "markers", "xaxis": f"x{end}", "yaxis": f"y{end}",
                "name": name, "legendgroup": name, "showlegend": name not in named,
                "x": [_placed(parameter, t.values[key]) for t, _ in group],
                "y": [value for _, value in group],
                "text": [f"trial {t.number:04d}" for t, _ in group],
                "marker": {"size": 10 if name == "best" else 6,
                           "symbol": "star" if name == "best" else SYMBOLS[name],
                           "color": BEST if name == "best" else STATES[name]},
                "hovertemplate": "%{text}<br>%{x}: %{y:.4f}<extra></extra>",
            }
        )  # fmt: skip
        named.add(name)
    return traces


def _placed(parameter: Parameter, value: Any) -> Any:
    return value if isinstance(parameter.domain, Range) else compact(value)


def _value_axis(parameter: Parameter, experiment: Experiment) -> dict[str, Any]:
    plain: dict[str, Any] = {"tickfont": {"size": 11, "color": GREY}, "nticks": 4}
    domain = parameter.domain
    if not isinstance(domain, Range):
        order = [compact(choice) for choice in domain.values]
        return axis(type="category", categoryorder="array", categoryarray=order,
                    range=[-0.5, len(order) - 0.5], **plain)  # fmt: skip
    if parameter.is_log:
        ticks = _log_ticks([t.values[parameter.key] for t, _ in measured(experiment)
                            if parameter.key in t.values])  # fmt: skip
        return axis(type="log", tickvals=ticks, ticktext=list(map(compact, ticks)), **plain)
    return axis(**plain)


def _log_ticks(values: Sequence[float]) -> list[float]:
    """Return two to `_LOG_TICKS` round values, where there are any, for a logarithmic axis."""
    low, high = min(values), max(values)
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    ticks: list[float] = []
    for digits in _DIGITS:
        ticks = [float(f"{d}e{p}") for p in powers for d in digits]
        ticks = [tick for tick in ticks if low <= tick <= high]
        if len(ticks) > 1:
            break
    ticks = ticks if len(ticks) > 1 else sorted({low, high})
    return ticks[:: -(-len(ticks) // _LOG_TICKS)]


def most_important_ranges(
    experiment: Experiment, space: SearchSpace
) -> tuple[Parameter, Parameter] | None:
    """Return the two most important numeric parameters that vary; None without importances."""
    if not experiment.importance:
        return None
    ranges = [
        p
        for p in charted(experiment, space)
        if isinstance(p.domain, Range)
        and len({t.values[p.key] for t, _ in measured(experiment) if p.key in t.values}) > 1
    ]
    return (ranges[0], ranges[1]) if len(ranges) > 1 else None


def contour(experiment: Experiment, space: SearchSpace, across: Parameter, up: Parameter) -> Figure:
    """Return the objective over two parameters: its level lines, and the trials as dots."""
    names = short_names(list(space.parameters))
    rows = [
        (trial, value)
        for trial, value in measured(experiment)
        if across.key in trial.values and up.key in trial.values
    ]
    best, metric = experiment.best, experiment.settings.objective.metric
    chosen = rows[-MOST_LEVELS:]  # The best ones, which come last.
    xs = sorted({t.values[across.key] for t, _ in chosen})
    ys = sorted({t.values[up.key] for t, _ in chosen})
    levels: list[list[float | None]] = [[None] * len(xs) for _ in ys]
    for trial, value in chosen:
        levels[ys.index(trial.values[up.key])][xs.index(trial.values[across.key])] = value
    place = [t.values[across.key] for t, _ in rows], [t.values[up.key] for t, _ in rows]
    hover = (
        f"%{{text}}<br>{across.key} %{{x}}<br>{up.key} %{{y}}<br>"
        f"{metric} %{{customdata:.4f}}<extra></extra>"
    )
    return {
        "data": [
            {
                "type": "contour", "x": xs, "y": ys, "z": levels, "connectgaps": True,
                "colorscale": [[0, PAGE], [1, BLUE]], "contours": {"coloring": "heatmap"},
                "line": {"color": GREY, "width": 0.7}, "hoverinfo": "skip",
                "colorbar": {"title": {"text": metric}, "thickness": 14},
            },
            {
                "type": "scatter", "mode": "markers", "x": place[0], "y": place[1],
                "text": [f"trial {t.number:04d}" for t, _ in rows],
                "customdata": [value for _, value in rows], "showlegend": False,
                "marker": {"color": [BEST if t is best else TEXT for t, _ in rows],
                           "symbol": ["star" if t is best else "circle" for t, _ in rows],
                           "size": [14 if t is best else 6 for t, _ in rows],
                           "line": {"color": PAGE, "width": 1}},
                "hovertemplate": hover,
            },
        ],
        "layout": layout(
            440, xaxis=_named_axis(across, names[across.key], experiment),
            yaxis=_named_axis(up, names[up.key], experiment),
        ),
    }  # fmt: skip


def _named_axis(parameter: Parameter, name: str, experiment: Experiment) -> dict[str, Any]:
    return {**_value_axis(parameter, experiment), "title": {"text": name, "standoff": 8}}
