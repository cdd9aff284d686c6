"""The figure of parameter importances, with their intervals."""

from collections.abc import Mapping

from automl.formats import short_names
from automl.report.page.charts import Figure, axis, layout
from automl.report.page.palette import BLUE, TEXT

MOST = 28
"""Parameters that are drawn, the most important ones: as many as a page of paper holds."""
_NONE: Mapping[str, tuple[float, float]] = {}


def chart(
    shares: Mapping[str, float], intervals: Mapping[str, tuple[float, float]] = _NONE
) -> Figure:
    """Return each parameter's share of the variance of the objective, largest on top.

    `intervals` are drawn as whiskers; a parameter without one has none.
    """
    keys, names = list(shares)[:MOST][::-1], short_names(shares)
    lows = [min(shares[k], intervals.get(k, (1.0, 0.0))[0]) for k in keys]
    highs = [max(shares[k], intervals.get(k, (1.0, 0.0))[1]) for k in keys]
    reach = max(highs) or 1.0
    texts = [
        f"{shares[key]:.1%}" + (f" ({low:.0%} to {high:.0%})" if intervals else "")
        for key, low, high in zip(keys, lows, highs, strict=True)
    ]
    whiskers = {
        "type": "data", "symmetric": False, "color": TEXT, "thickness": 1.2, "width": 4,
        "array": [high - shares[k] for k, high in zip(keys, highs, strict=True)],
        "arrayminus": [shares[k] - low for k, low in zip(keys, lows, strict=True)],
    }  # fmt: skip
    return {
        "data": [
            {
                "type": "bar", "orientation": "h", "x": [shares[k] for k in keys], "y": keys,
                "marker": {"color": BLUE}, "customdata": texts,
                "hovertemplate": "%{y}: %{customdata}<extra></extra>",
                **({"error_x": whiskers} if intervals else {}),
            },
            {
                "type": "scatter", "mode": "text", "textposition": "middle right", "y": keys,
                "x": [high + 0.01 * reach for high in highs],
                "text": [f"{shares[k]:.1%}" for k in keys], "hoverinfo": "skip",
                "cliponaxis": False,
            },
        ],
        "layout": layout(
            90 + 20 * len(keys), showlegend=False,
            margin={"l": 20, "r": 60, "t": 30, "b": 45}, bargap=0.3,
            xaxis=axis("share of the variance", tickformat=".0%", range=[0, 1.02 * reach]),
            # Whole keys would leave no room for the bars on a phone; a bar names its key.
            yaxis={"automargin": True, "ticks": "", "showgrid": False, "type": "category",
                   "tickvals": keys, "ticktext": [f"{names[key]}  " for key in keys]},
        ),
    }  # fmt: skip
