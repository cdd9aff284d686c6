"""The first section of a live page: what runs at this moment, and what was asked by hand."""

from collections.abc import Iterator

from automl.experiment.experiment import Experiment
from automl.experiment.next_step import next_step
from automl.experiment.requests import STOP
from automl.formats import compact, duration, score
from automl.progress.view import View
from automl.report.page.markup import Section, esc, note, table

_MESSAGES = 8
_STATES = {
    "interrupted": "The process that drove this search is gone, and nothing runs.",
    "stopped": "The search was stopped.",
    "failed": "The search failed.",
    "finished": "The search is over.",
}


def now(experiment: Experiment, view: View) -> Section:
    """Return the section of an experiment at one moment."""
    return Section("now", "Now", list(_parts(experiment, view)))


def _parts(experiment: Experiment, view: View) -> Iterator[str]:
    yield f'<p class="state {esc(view.state)}" role="status">{esc(_state(experiment, view))}</p>'
    for limit in view.limits:
        is_time = limit.name == "seconds"
        used, most = ((duration(limit.used), duration(limit.limit)) if is_time
                      else (compact(limit.used), compact(limit.limit)))  # fmt: skip
        label = f"{'time' if is_time else limit.name} {used} of {most}"
        yield (
            f'<label class="limit">{esc(label)} '
            f'<progress value="{limit.share:.4f}" max="1"></progress></label>'
        )
    if view.running:
        yield table(("trial", "epoch", "step", view.metric, "time", "why"), [
            (f"{t.trial:04d}", f"{t.epoch}/{t.epochs}", "-" if t.steps is None else t.steps.text(),
             "-" if t.value is None else score(t.value), duration(t.seconds), t.note)
            for t in view.running
        ])  # fmt: skip
    for request in experiment.requests:
        what = f"stop trial {request.trial:04d}" if request.action == STOP else "add a trial"
        yield note(f"Asked by hand, not carried out yet: {what}.")
    messages = [message.line() for message in view.recent[-_MESSAGES:]]
    if messages:
        yield f'<ul class="messages">{"".join(f"<li>{esc(line)}</li>" for line in messages)}</ul>'


def _state(experiment: Experiment, view: View) -> str:
    if view.state == "running":
        left = (
            ""
            if view.left is None
            else f", {'at most ' if view.left.is_at_most else 'about '}"
            f"{duration(view.left.seconds)} left"
        )
        steps = "" if view.promoting is None else f": {view.promoting.text()}"
        return f"{view.phase.capitalize()}{steps}{left}."
    reason = experiment.history.closed_reason
    step = next_step(experiment)
    parts = [_STATES[view.state], reason, "" if step is None else f"Next: {step}"]
    return " ".join(part for part in parts if part)
