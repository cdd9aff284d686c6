"""When each trial ran, and how many ran at once."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from automl.experiment.experiment import Experiment
from automl.report.page.charts import Figure, axis, layout, time_unit
from automl.report.page.palette import STATES
from automl.report.page.timeline import clocked
from automl.trial.trial import Decision

_ENDS = ("finish", "lost")


@dataclass(frozen=True)
class Run:
    """A stretch of time in which a trial had a worker, in seconds of the search."""

    trial: int
    start: float
    end: float


def runs(experiment: Experiment) -> list[Run]:
    """Return the runs of all trials by their start; one that is paused and resumed has two."""
    return sorted(_runs(experiment), key=lambda run: (run.start, run.trial))


def _runs(experiment: Experiment) -> Iterator[Run]:
    began: dict[int, float] = {}
    seconds = 0.0
    for event, now in clocked(experiment):
        kind, number = event["event"], event.get("trial")
        if kind == "opened":  # The trials of an earlier session ended with it.
            yield from (Run(trial, start, seconds) for trial, start in began.items())
            began = {}
        elif kind in ("start", "continue"):
            began[event["trial"]] = now
        elif number in began and (kind in _ENDS or _is_last_report(event)):
            yield Run(number, began.pop(number), now)
        seconds = now
    yield from (Run(trial, start, seconds) for trial, start in began.items())


def _is_last_report(event: Mapping[str, Any]) -> bool:
    return event["event"] == "report" and Decision(event["decision"]) is not Decision.CONTINUE


def rows_of(runs: Sequence[Run]) -> list[int]:
    """Return the row of each run, the first that is free when it starts."""
    free_at: list[float] = []
    rows = []
    for run in runs:
        row = next((i for i, end in enumerate(free_at) if end <= run.start), len(free_at))
        free_at[row : row + 1] = [run.end]
        rows.append(row)
    return rows


def chart(experiment: Experiment, runs: Sequence[Run], state: str) -> Figure:
    """Return the runs as bars over time, coloured by the trial's state."""
    scale, unit = time_unit(max(run.end for run in runs))
    rows, trials = rows_of(runs), experiment.history.trials
    shown = [experiment.shown_state(trials[run.trial], state) for run in runs]
    data: list[Figure] = []
    for name in [s for s in STATES if s in shown]:
        chosen = [i for i, s in enumerate(shown) if s == name]
        data.append(
            {
                "type": "bar", "orientation": "h", "name": name, "width": 0.8,
                "base": [runs[i].start / scale for i in chosen],
                "x": [(runs[i].end - runs[i].start) / scale for i in chosen],
                "y": [rows[i] + 1 for i in chosen],
                "text": [f"{runs[i].trial}" for i in chosen], "textposition": "inside",
                "insidetextanchor": "middle", "textangle": 0,
                "marker": {"color": STATES[name]},
                "hovertemplate": f"trial %{{text}}, {name}<br>%{{x:.1f}} {unit}<extra></extra>",
            }
        )  # fmt: skip
    return {
        "data": data,
        "layout": layout(
            110 + 34 * (max(rows) + 1), barmode="overlay",
            xaxis=axis(f"time searched, {unit}", rangemode="tozero"),
            yaxis=axis("at once", autorange="reversed", dtick=1, showgrid=False),
        ),
    }  # fmt: skip
