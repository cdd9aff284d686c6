"""Figures of the search space: parameter importance, and each parameter alone."""

from collections.abc import Mapping, Sequence
from typing import Any

from automl.experiment.experiment import Experiment
from automl.formats import compact
from automl.report.page.charts import BEST, GREY, STATES, Figure, axis, layout
from automl.report.page.timeline import short_names
from automl.space.domain import Range
from automl.space.parameter import Parameter
from automl.space.space import SearchSpace
from automl.trial.trial import Trial

MOST = 16
"""Parameters in one figure; of more, the most important ones."""
_PER_ROW = 4


def charted(experiment: Experiment, space: SearchSpace) -> list[Parameter]:
    """Return the parameters that the figures show, the most important first if that is known.

    A parameter that was off in every trial is left out.
    """
    shares = experiment.importance or {}
    tried = {key for trial, _ in measured(experiment) for key in trial.values}
    shown = [p for p in space.parameters.values() if p.key in tried]
    return sorted(shown, key=lambda p: -shares.get(p.key, 0.0))[:MOST]


def measured(experiment: Experiment) -> list[tuple[Trial, float]]:
    """Return the trials of the search that have a value, worst first, without repeats."""
    rows = [
        (trial, value)
        for trial in experiment.ranking()
        if (value := experiment.value_of(trial)) is not None and trial.confirms is None
    ]
    return rows[::-1]


def importance(shares: Mapping[str, float]) -> Figure:
    """Return each parameter's share of the variance of the objective, largest on top."""
    keys = list(shares)[: 2 * MOST][::-1]
    return {
        "data": [
            {
                "type": "bar", "orientation": "h", "x": [shares[k] for k in keys], "y": keys,
                "marker": {"color": STATES["completed"]}, "textposition": "outside",
                "text": [f"{shares[k]:.1%}" for k in keys], "cliponaxis": False,
                "hovertemplate": "%{y}: %{x:.1%}<extra></extra>",
            }
        ],
        "layout": layout(
            90 + 24 * len(keys), showlegend=False,
            margin={"l": 20, "r": 60, "t": 30, "b": 45}, bargap=0.3,
            xaxis=axis("share of the variance", tickformat=".0%", rangemode="tozero"),
            yaxis={"automargin": True, "ticks": "", "showgrid": False, "type": "category"},
        ),
    }  # fmt: skip


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
        more[f"xaxis{end}"] = {**_value_axis(parameter), "domain": across, "anchor": f"y{end}"}
        more[f"yaxis{end}"] = axis(domain=down, anchor=f"x{end}", nticks=4, tickfont={"size": 11})
        if place:
            more[f"yaxis{end}"]["matches"] = "y"
        more["annotations"].append(
            {
                "text": f"<b>{names[parameter.key]}</b>", "showarrow": False, "xref": "paper",
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
                           "symbol": "star" if name == "best" else "circle",
                           "color": BEST if name == "best" else STATES[name]},
                "hovertemplate": "%{text}<br>%{x}: %{y:.4f}<extra></extra>",
            }
        )  # fmt: skip
        named.add(name)
    return traces


def _placed(parameter: Parameter, value: Any) -> Any:
    return value if isinstance(parameter.domain, Range) else compact(value)


def _value_axis(parameter: Parameter) -> dict[str, Any]:
    plain: dict[str, Any] = {"tickfont": {"size": 11, "color": GREY}, "nticks": 4}
    domain = parameter.domain
    if not isinstance(domain, Range):
        order = [compact(choice) for choice in domain.values]
        return axis(type="category", categoryorder="array", categoryarray=order,
                    range=[-0.5, len(order) - 0.5], **plain)  # fmt: skip
    if parameter.is_log:
        return axis(type="log", exponentformat="e", dtick=1, minor={"ticks": ""}, **plain)
    return axis(**plain)
