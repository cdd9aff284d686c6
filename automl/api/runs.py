"""Runs from Python: search, track and promote in one call, or in a loop."""

import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypedDict, Unpack

from automl.api.arguments import checked
from automl.api.experiment import Callback, Experiment, driven
from automl.plan.plan import plan_from_request
from automl.progress.turns import in_turns
from automl.request.options import RUN_OPTIONS, Options
from automl.request.parsing import parsed_options
from automl.request.request import request_from_options


class RunOptions(TypedDict, total=False):
    """The keywords of `run`; each is the flag of its name. Mappings have dotted or nested keys."""

    skill: str | Path | None
    data: str | Path | Mapping[str, Any] | None
    strict_data: bool | None
    trials: int | None
    epochs: int | None
    budget_epochs: int | None
    time: str | None
    budget_cost: float | None
    price_per_hour: float | None
    objective: str | Sequence[str] | None
    constraint: str | Sequence[str] | None
    confirm_seeds: int | None
    warm_start: str | Path | None
    stop_rule: str | bool | None
    algorithm: str | None
    set: Mapping[str, Any] | None
    space: str | Path | None
    search: Mapping[str, Any] | None
    fix: Mapping[str, Any] | None
    keep: str | Sequence[str] | None
    spec: Mapping[str, Any] | None
    weights: str | Path | None
    download: bool | None
    to: str | Sequence[str] | None
    refine: str | bool | None
    qat: int | None
    min_objective: float | None
    policy: str | bool | None
    request: str | None
    request_model: str | None
    runner: str | None
    concurrency: int | None
    cpus_per_trial: float | None
    gpus_per_trial: float | None
    memory_per_trial: str | None
    address: str | None
    hang_limit: str | None
    seed: int | None
    tracker: str | None
    out: str | Path | None


@checked
def run(
    file: str | Path | None = None,
    *,
    quiet: bool = False,
    callbacks: Iterable[Callback] = (),
    **options: Unpack[RunOptions],
) -> Experiment:
    """Search, track and promote, as `automl run` does.

    Args:
        file: An experiment file; the keywords override it.
        quiet: Whether to print no progress on stderr.
        callbacks: Functions of the experiment, such as `automl.show_leaderboard` in a notebook;
            called whenever a trial has started, reported or ended. An error of theirs ends the run.
        options: See `RunOptions`; an option that is None counts as not given.

    Raises `UsageError` for a request that cannot be carried out, before anything is trained;
    `RunFailed` if no trial has a result or the promotion fails; `Stopped` on SIGTERM. After the
    last two the experiment can be resumed.
    """
    root = _planned(file, options, is_quiet=quiet)
    return driven(root, is_quiet=quiet, callbacks=callbacks)


@checked
def iterate(
    file: str | Path | None = None, *, quiet: bool = True, **options: Unpack[RunOptions]
) -> Iterator[Experiment]:
    """Search as `run` does; yield the experiment whenever a trial has started, reported or ended.

    The search waits while the body of the loop runs. Leaving the loop stops the search, which can
    be resumed; the last experiment that was yielded has its promotion. Raises as `run`, the
    mistakes of a request at once.
    """
    root = _planned(file, options, is_quiet=quiet)
    return in_turns(lambda hand: driven(root, is_quiet=quiet, callbacks=[hand]))


def _planned(file: str | Path | None, options: RunOptions, *, is_quiet: bool) -> Path:
    """Check a request, write its plan, and return the experiment's folder."""
    parsed = parsed_options(options, source="automl.run", are_texts_typed=True)
    path = None if file is None else Path(file)
    command = tuple(_words(parsed, path))
    request = request_from_options(parsed, file=path, command=command)
    plan = plan_from_request(request)
    for note in (request.policy_note, request.wishes.note(), *plan.notes):
        if note is not None and not is_quiet:
            print(note, file=sys.stderr, flush=True)
    plan.write()
    return plan.paths.root


def _words(options: Options, file: Path | None) -> Iterator[str]:
    """Yield the words of the command that asks for the same."""
    yield from ("automl", "run", *([] if file is None else [str(file)]))
    for name, value in options.items():
        option = RUN_OPTIONS[name]
        if option.kind == "flag":
            yield from [option.flag] if value and option.flag else []
            continue
        inner = value.items() if option.kind == "mapping" else ()
        texts = (
            value if option.kind == "texts" else [f"{k}={_text(v)}" for k, v in inner] or [value]
        )
        for text in texts:
            yield from ([] if option.flag is None else [option.flag])
            yield str(text)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
