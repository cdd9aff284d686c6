"""Draws a view that fits the terminal."""

import math
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from rich.console import (
    Console,
    ConsoleOptions,
    Group,
    OverflowMethod,
    RenderableType,
    RenderResult,
)
from rich.table import Table
from rich.text import Text

from automl.experiment.pace import Limit
from automl.formats import clock, counted, duration, score
from automl.progress import panels
from automl.progress.sparkline import bar, sparkline
from automl.progress.view import BestSoFar, Message, RunningTrial, View, What

LABEL = 8
MAX_RUNNING = 12
"""Running trials that are drawn; a cluster may have more."""
_LEAST_RECENT = 4
"""Messages on a screen with room for them; a low one has at least one."""
_MOST_RECENT = 16
_WIDE = 90
_LEAST_RANKED = 3
_WITH_IMPORTANCES = 20
"""Lines for leaderboard, messages and importances, below which there are none of the last."""
_STYLES = {
    What.CONTINUED: "green",
    What.COMPLETED: "green",
    What.PROMOTED: "bold green",
    What.PAUSED: "yellow",
    What.STOPPED: "dim",
    What.INFEASIBLE: "magenta",
    What.FAILED: "red",
    What.LOST: "red",
    What.HALVED: "magenta",
    What.SHORTENED: "magenta",
    What.PROMOTING: "bold",
}
_STATES = {
    "running": "cyan",
    "paused": "yellow",
    "completed": "green",
    "stopped": "dim",
    "interrupted": "yellow",
    "failed": "red",
    "finished": "green",
}


@dataclass(frozen=True)
class Screen:
    """A view as something that rich can draw."""

    view: View
    is_whole: bool = False
    """Whether everything is drawn, however high the terminal."""
    machine: str = ""
    """The load of this machine, as text."""
    importances: Mapping[str, float] = field(default_factory=dict)
    """Shares of the parameters, largest first; empty: not known."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yield the parts, fitted to the console."""
        drawing = _Drawing(
            self.view, options.max_width, not options.ascii_only, self.machine, self.importances
        )
        height = math.inf if self.is_whole else console.size.height
        yield from drawing.parts(height)


@dataclass(frozen=True)
class _Drawing:
    view: View
    width: int
    is_unicode: bool
    machine: str
    importances: Mapping[str, float]

    @property
    def overflow(self) -> OverflowMethod:
        """How a text that is too long is cut: an ellipsis is not ASCII."""
        return "ellipsis" if self.is_unicode else "crop"

    def parts(self, height: float) -> Iterator[RenderableType]:
        facts, running = self._facts(), self._running()
        failed = self.view.failure
        failure = None if failed is None else panels.failure(failed, self.width)
        used = 2 + facts.row_count + (0 if running is None else running.row_count + 2) + 3
        used += 0 if failure is None else failure.plain.count("\n") + 2
        important = self._importances(height - used)
        used += 0 if important is None else important.row_count + 2
        ranked, recent = _shares(height - used, len(self.view.ranking), len(self.view.recent))
        yield self._head()
        yield Text()
        yield facts
        if running is not None:
            yield Group(Text(), running)
        if ranked:
            yield Group(Text(), panels.leaderboard(self.view, ranked, self.overflow))
        if important is not None:
            yield Group(Text(), important)
        if failure is not None:
            yield Group(Text(), failure)
        if self.view.recent:
            yield Group(Text(), self._recent(recent))

    def _head(self) -> Table:
        view = self.view
        head = Table.grid(expand=True)
        head.add_column(no_wrap=True, overflow=self.overflow, ratio=1)
        head.add_column(justify="right", no_wrap=True)
        name = Text.assemble((view.experiment, "bold"))
        if view.phase == "searching":
            name.append(f"  searching by {view.algorithm}")
        elif view.state == "running":
            name.append(f"  {view.phase}")
        state = Text.assemble((view.state, _STATES.get(view.state, "")), f"  {clock(view.seconds)}")
        head.add_row(name, state)
        return head

    def _facts(self) -> Table:
        facts = Table.grid(padding=(0, 1))
        facts.add_column(style="dim", min_width=LABEL, no_wrap=True)
        facts.add_column()
        for label, text in self._rows():
            facts.add_row(label, self._cut(text))
        return facts

    def _rows(self) -> Iterator[tuple[str, Text]]:
        view = self.view
        for limit in view.limits:
            yield "time" if limit.name == "seconds" else limit.name, self._limit(limit)
        if view.state == "running":
            yield "left", self._left()
        if view.best is not None:
            yield "best", self._best(view.best)
            if len(view.best_curve) > 1:
                yield "", self._best_curve()
        if view.states:
            yield "now", self._states()
        if view.failures:
            kinds = (f"{n} {kind.replace('_', ' ')}" for kind, n in view.failures.items())
            yield "failures", Text(", ".join(kinds), "red")
        if view.model is not None:
            yield "model", Text(view.model, "green")
        if self.machine:
            yield "machine", Text(self.machine, "dim")

    def _limit(self, limit: Limit) -> Text:
        full, empty = bar(
            limit.share, max(10, min(40, self.width - 40)), is_unicode=self.is_unicode
        )
        amounts = f"{limit.used:.0f}/{limit.limit:.0f}"
        if limit.name == "seconds":
            amounts = f"{clock(limit.used)}/{clock(limit.limit)}"
        elif limit.name == "cost":
            amounts = f"{limit.used:.2f}/{limit.limit:.2f}"
        if not limit.is_asked:
            amounts += " at most"
        return Text.assemble((full, "cyan"), (empty, "dim"), f" {amounts}")

    def _left(self) -> Text:
        left = self.view.left
        epochs = self.view.epochs
        done = f"{counted(epochs, 'epoch')} took {clock(self.view.seconds)}"
        if self.view.phase == "starting":
            return Text("the workers start and load their libraries; known after the first steps")
        if self.view.phase == "promoting":
            step = self.view.promoting
            return Text(f"{'training is done' if step is None else step.text()}; {done}")
        if left is None:
            return Text("known after the first steps")
        # The promotion comes after it.
        most = "at most " if left.is_at_most else ""
        estimate = f"{most}about {duration(left.seconds)} of search"
        if left.is_by_steps:
            return Text(f"{estimate}, by the first steps")
        end = time.strftime("%H:%M", time.localtime(self.view.time + left.seconds))
        return Text.assemble((estimate, "bold"), f", until {end}; {done}")

    def _best(self, best: BestSoFar) -> Text:
        text = Text.assemble(
            (f"{self.view.metric} {score(best.value)}", "bold green"),
            f"  trial {best.trial:04d} epoch {best.epoch}",
        )
        if best.gain is not None and best.default is not None:
            gain = f"  {best.value - best.default:+.4f}"
            text.append(gain, "green" if best.gain > 0 else "red")
            text.append(f" over the default {score(best.default)}")
        elif best.trial == 0:
            text.append(", the defaults")
        return text

    def _best_curve(self) -> Text:
        curve = self.view.best_curve
        epochs = counted(len(curve), "epoch")
        if min(curve) == max(curve):
            return Text(f"no better than at first for {epochs}", "dim")
        ends = f" best so far: {score(curve[0])} to {score(curve[-1])} in {epochs}"
        drawn = sparkline(curve, max(10, min(40, self.width - 56)), is_unicode=self.is_unicode)
        return Text.assemble((drawn, "green"), (ends, "dim"))

    def _states(self) -> Text:
        text = Text()
        for place, (state, count) in enumerate(sorted(self.view.states.items(), key=_order)):
            text.append(", " if place else "")
            text.append(f"{count} {state}", _STATES.get(state, ""))
        return text

    def _running(self) -> Table | None:
        trials = self.view.running
        if not trials:
            return None
        table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim", pad_edge=False)
        for name, justify in (("trial", "left"), ("epoch", "right"), (self.view.metric, "right")):
            table.add_column(name, justify=justify, no_wrap=True)  # type: ignore[arg-type]
        low, high = self._scale()
        has_scale = low is not None and high is not None and low < high
        scale = f"{low:.3g} to {high:.3g}" if has_scale else ""
        # On a narrow screen the steps need the room.
        name = "curve" if self.width >= _WIDE or not has_scale else ""
        table.add_column(" ".join(filter(None, (name, scale))), no_wrap=True)
        table.add_column("time", justify="right", no_wrap=True)
        table.add_column("", style="dim")
        room = max(8, min(40, self.width - 66))
        for trial in trials[:MAX_RUNNING]:
            curve = sparkline(trial.curve, room, low=low, high=high, is_unicode=self.is_unicode)
            table.add_row(*self._running_row(trial, curve))
        if len(trials) > MAX_RUNNING:
            table.add_row("", "", "", f"and {len(trials) - MAX_RUNNING} more", "", "")
        return table

    def _running_row(self, trial: RunningTrial, curve: str) -> tuple[RenderableType, ...]:
        best = self.view.best
        is_best = best is not None and best.trial == trial.trial
        return (
            Text(f"{trial.trial:04d}", "bold cyan"),
            f"{trial.epoch}/{trial.epochs}",
            Text(score(trial.value), "green" if is_best else ""),
            Text(curve, "green" if is_best else "cyan"),
            clock(trial.seconds),
            self._cut(Text(trial.note if trial.steps is None else trial.steps.text())),
        )

    def _scale(self) -> tuple[float | None, float | None]:
        """Return one scale for all curves, so that they can be compared."""
        values = [v for t in self.view.running for v in t.curve if math.isfinite(v)]
        if self.view.best is not None:
            values.append(self.view.best.value)
        return (min(values), max(values)) if values else (None, None)

    def _importances(self, room: float) -> Table | None:
        """Return the importances on a screen that has room for all the rest."""
        if not self.importances or room < _WITH_IMPORTANCES:
            return None
        return panels.importances(
            self.view, self.importances, self.width, is_unicode=self.is_unicode
        )

    def _recent(self, room: int) -> Table:
        table = Table.grid(padding=(0, 1))
        table.add_column(style="dim", min_width=LABEL, no_wrap=True)
        table.add_column(min_width=4, no_wrap=True)
        table.add_column()
        for message in self.view.recent[-room:]:
            at = time.strftime("%H:%M:%S", time.localtime(message.time))
            trial = "" if message.trial is None else f"{message.trial:04d}"
            table.add_row(at, trial, self._cut(_line(message)))
        return table

    def _cut(self, text: Text) -> Text:
        """Keep a text on one line: only a column that could wrap is made narrower by rich."""
        text.no_wrap, text.overflow = True, self.overflow
        return text


def _line(message: Message) -> Text:
    text = Text(message.text, _STYLES.get(message.what, ""))
    if message.detail:
        text.append(f": {message.detail}", "dim")
    return text


def _shares(room: float, ranked: int, recent: int) -> tuple[int, int]:
    """Return how many lines of a height the leaderboard and the messages get.

    Messages get a few first; then the leaderboard a few, with its head; then both in turn.
    """
    messages = min(recent, _LEAST_RECENT, max(1, room))
    left = room - messages - 2
    if left < _LEAST_RANKED:
        return 0, int(max(messages, min(recent, _MOST_RECENT, room)))
    rows = min(ranked, _LEAST_RANKED + max(0, (left - _LEAST_RANKED) / 2))
    messages = min(recent, _MOST_RECENT, messages + max(0, left - rows))
    return int(min(ranked, room - messages - 2)), int(messages)


def _order(item: tuple[str, int]) -> int:
    states = list(_STATES)
    return states.index(item[0]) if item[0] in states else len(states)
