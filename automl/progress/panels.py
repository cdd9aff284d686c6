"""The parts of a screen that come with its height: leaderboard, importances, the last failure."""

import textwrap
import time
from collections.abc import Mapping

from rich.console import OverflowMethod
from rich.table import Table
from rich.text import Text

from automl.formats import counted, score, short_names
from automl.progress.sparkline import bar
from automl.progress.view import Message, RankedTrial, View

MOST_IMPORTANT = 6
"""Parameters whose importance is drawn."""
FEW = 30
"""Trials below which importances are no more than a hint."""
_BAR = 30
FAILURE_LINES = 6
"""Lines of a failure's text; the log has the rest."""


def leaderboard(view: View, rows: int, overflow: OverflowMethod) -> Table:
    """Return the best trials, whatever their state; paused ones are most of them."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim", pad_edge=False)
    table.add_column("best", no_wrap=True)
    table.add_column(view.metric, justify="right", no_wrap=True)
    for name in ("epoch", "trained"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("state", no_wrap=True)
    # Its cells do not wrap, but it may: rich then makes no other column narrower.
    table.add_column("", style="dim")
    for trial in view.ranking[:rows]:
        table.add_row(*_row(trial), Text(trial.note, no_wrap=True, overflow=overflow))
    return table


def _row(trial: RankedTrial) -> tuple[str, ...]:
    return (
        f"{trial.trial:04d}",
        score(trial.value),
        str(trial.epoch),
        f"{trial.trained}/{trial.epochs}",
        trial.state,
    )


def importances(view: View, shares: Mapping[str, float], width: int, *, is_unicode: bool) -> Table:
    """Return the parameters with the largest shares of the variance of the objective."""
    names = short_names(shares)
    hint = f"a hint, from {counted(view.measured, 'trial')}" if view.measured < FEW else ""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim", pad_edge=False)
    table.add_column("importance", no_wrap=True)
    table.add_column("share", justify="right", no_wrap=True)
    table.add_column(hint)
    room = max(10, min(_BAR, width - 50))
    for key in list(shares)[:MOST_IMPORTANT]:
        full, _ = bar(shares[key], room, is_unicode=is_unicode)
        table.add_row(names[key], f"{shares[key]:.0%}", Text(full, "cyan", no_wrap=True))
    return table


def failure(message: Message, width: int) -> Text:
    """Return the last failure with its advice and log, wrapped: nothing of it is cut off."""
    at = time.strftime("%H:%M:%S", time.localtime(message.time))
    return Text("\n".join(wrapped(f"last failure, {at}: {message.line()}", width)), "red")


def wrapped(text: str, width: int) -> list[str]:
    """Return a text in lines, at most `FAILURE_LINES`; its end has the log and is kept."""
    lines = textwrap.wrap(text, width, break_on_hyphens=False)
    if len(lines) <= FAILURE_LINES:
        return lines
    return [*lines[: FAILURE_LINES - 3], "...", *lines[-2:]]
