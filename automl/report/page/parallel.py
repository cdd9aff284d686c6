"""Parallel coordinates drawn as plain lines, which need no WebGL and print sharply."""

from collections.abc import Sequence
from typing import Any

from automl.experiment.experiment import Experiment
from automl.formats import compact, short_names
from automl.report.page.charts import Figure, layout
from automl.report.page.palette import BEST, BLUE, DEFAULT, GREY, PAGE, STATES, TEXT
from automl.report.page.space_charts import charted, measured
from automl.space.domain import Range
from automl.space.parameter import Parameter
from automl.space.space import SearchSpace
from automl.trial.trial import Trial

OFF = -0.12
"""Position of an inactive parameter on its axis, which otherwise spans 0 to 1."""
MOST_AXES = 10
"""Parameters that are drawn: the labels of more would stand on each other's lines."""
_LONGEST = 9


def parallel(experiment: Experiment, space: SearchSpace) -> Figure:
    """Return one line per trial over all axes, the most important parameter beside the objective.

    The line of a failed trial ends before the objective.
    """
    metric, rows = experiment.settings.objective.metric, measured(experiment)
    parameters = charted(experiment, space)[:MOST_AXES][::-1]
    names = short_names(list(space.parameters))
    values = [value for _, value in rows]
    low, high = min(values), max(values)
    width = high - low or 1.0
    failed = [t for t in experiment.history.trials.values() if t.failure and not t.confirms]
    data: list[Figure] = [
        _line(trial, parameters, None, "failed", {"color": STATES["failed"], "width": 0.7})
        for trial in failed
    ]
    best = experiment.best
    for place, (trial, value) in enumerate(rows):
        end = (metric, (value - low) / width, value)
        style = _style(trial, place / max(1, len(rows) - 1), is_best=trial is best)
        data.append(_line(trial, parameters, end, *style))
    named = set[str]()
    for trace in reversed(data):  # The legend shows the strongest of the other trials.
        trace["showlegend"] = trace["name"] not in named
        named.add(trace["name"])
    ticks = {0.0: low, 0.5: low + width / 2, 1.0: high} if high > low else {0.0: low}
    labels = [_label(place, at, text) for place, p in enumerate(parameters)
              for at, text in _ticks(p, data, place).items()]  # fmt: skip
    labels += [_label(len(parameters), at, _tick(value)) for at, value in ticks.items()]
    return {"data": data, "layout": _axes([*(names[p.key] for p in parameters), metric], labels)}


def _style(trial: Trial, rank: float, *, is_best: bool) -> tuple[str, Figure]:
    """Return a trial's name in the legend and its line, stronger for a better rank (0 to 1)."""
    if is_best:
        return f"best: trial {trial.number:04d}", {"color": BEST, "width": 3}
    if trial.number == 0:
        return "defaults: trial 0000", {"color": DEFAULT, "width": 2, "dash": "dash"}
    opacity = round(255 * (0.15 + 0.85 * rank))
    return "other trials, stronger is better", {"color": f"{BLUE}{opacity:02x}", "width": 1.2}


def _line(
    trial: Trial,
    parameters: Sequence[Parameter],
    end: tuple[str, float, float] | None,
    name: str,
    style: Figure,
) -> Figure:
    places, texts = [], []
    for parameter in parameters:
        key = parameter.key
        is_on = key in trial.values
        places.append(parameter.domain.position_of(trial.values[key]) if is_on else OFF)
        texts.append(f"{key} = {compact(trial.values[key])}" if is_on else f"{key} is off")
    if end is not None:
        metric, place, value = end
        places.append(place)
        texts.append(f"{metric} = {compact(value)}")
    return {
        "type": "scatter", "mode": "lines+markers", "name": name, "legendgroup": name,
        "meta": trial.number, "x": list(range(len(places))), "y": places, "text": texts,
        "line": style, "marker": {"size": 4, "color": style["color"]},
        "hovertemplate": f"trial {trial.number:04d}<br>%{{text}}<extra></extra>",
    }  # fmt: skip


def _ticks(parameter: Parameter, data: Sequence[Figure], place: int) -> dict[float, str]:
    domain = parameter.domain
    if isinstance(domain, Range):
        ticks = {at: domain.value_at(at) for at in (0.0, 0.5, 1.0)}
    else:
        ticks = {domain.position_of(choice): choice for choice in domain.values}
    labels = {at: _tick(value) for at, value in ticks.items()}
    if any(trace["y"][place] == OFF for trace in data):
        labels[OFF] = "off"
    return labels


def _tick(value: Any) -> str:
    text = _number(value) if isinstance(value, float) else compact(value)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "\N{HORIZONTAL ELLIPSIS}"


def _number(value: float) -> str:
    """Return two digits, in few letters: `2e-4`, and not `0.0002`."""
    if 0 < abs(value) < 0.01:
        mantissa, _, power = f"{value:.1e}".partition("e")
        return f"{mantissa.removesuffix('.0')}e{int(power)}"
    return f"{value:.2g}"


def _label(place: int, at: float, text: str) -> Figure:
    return {
        "x": place, "y": at, "text": text, "showarrow": False, "xanchor": "right", "xshift": -4,
        "bgcolor": f"{PAGE}cc", "borderpad": 1, "font": {"size": 11, "color": TEXT},
    }  # fmt: skip


def _axes(names: Sequence[str], labels: list[Figure]) -> dict[str, Any]:
    places = list(range(len(names)))
    return layout(
        520,
        margin={"l": 20, "r": 90, "t": 120, "b": 40},
        xaxis={
            "side": "top", "tickvals": places, "ticktext": [*names[:-1], f"<b>{names[-1]}</b>"],
            "tickangle": -28, "range": [-0.9, len(names) - 0.7], "showgrid": False,
            "zeroline": False, "fixedrange": True,
        },
        yaxis={"visible": False, "range": [OFF - 0.06, 1.06], "fixedrange": True},
        shapes=[
            {"type": "line", "x0": place, "x1": place, "y0": 0, "y1": 1, "layer": "below",
             "line": {"color": GREY, "width": 1}}
            for place in places
        ],
        annotations=labels,
        hovermode="closest",
        dragmode="select",
        selectdirection="any",
        legend={"orientation": "h", "x": 0, "y": -0.02, "yanchor": "top"},
    )  # fmt: skip
