"""The empirical distribution of the trials' best values."""

from automl.experiment.experiment import Experiment
from automl.report.page.charts import Figure, axis, layout, metric_axis
from automl.report.page.palette import BEST, BLUE, DEFAULT
from automl.report.page.space_charts import measured


def chart(experiment: Experiment) -> Figure:
    """Return the share of trials with at most each value, the defaults and the best marked."""
    metric = experiment.settings.objective.metric
    rows = sorted(measured(experiment), key=lambda row: row[1])
    values = [value for _, value in rows]
    shares = [(place + 1) / len(rows) for place in range(len(rows))]
    trials = [trial for trial, _ in rows]
    best = experiment.best
    colours = {t.number: BEST if t is best else DEFAULT if t.number == 0 else BLUE for t in trials}
    return {
        "data": [
            {
                "type": "scatter", "mode": "lines+markers", "x": values, "y": shares,
                "line": {"shape": "hv", "color": BLUE, "width": 2},
                "marker": {"color": [colours[t.number] for t in trials],
                           "symbol": ["star" if t is best else "circle" for t in trials],
                           "size": [12 if t is best else 7 if not t.number else 4 for t in trials]},
                "text": [f"trial {t.number:04d}" for t in trials],
                "hovertemplate": f"%{{text}}<br>{metric} %{{x:.4f}}<br>"
                "share %{y:.0%}<extra></extra>",
            }
        ],
        "layout": layout(
            320,
            xaxis=metric_axis(f"best {metric} of a trial", values),
            yaxis=axis("share of the trials", range=[0, 1.05], tickformat=".0%"),
        ),
    }  # fmt: skip
