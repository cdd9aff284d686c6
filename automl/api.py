"""The Python API: the commands as a function and as methods of an experiment."""

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict, Unpack

import pandas as pd

import automl.experiment.experiment as reading
from automl.errors import AutomlError, RunFailed, Stopped, UsageError
from automl.experiment.observer import ExperimentObserver
from automl.plan.plan import plan_from_request
from automl.progress.notebook import show_leaderboard
from automl.progress.turns import in_turns
from automl.progress.watch import watching
from automl.promotion.gates import MAX_DROP, PromotionRequest
from automl.report.figures import figure
from automl.report.importance import importance_so_far
from automl.report.leaderboard import leaderboard
from automl.report.page.page import write_report
from automl.request.options import RUN_OPTIONS, Options
from automl.request.parsing import parsed_options, parsed_targets
from automl.request.request import request_from_options
from automl.session.session import drive, promote
from automl.skill.failures import faults_of_the_user
from automl.skill.installed import load_skill
from automl.trial.trial import Report, Trial

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

__all__ = [
    "AutomlError", "Experiment", "RunFailed", "Stopped", "UsageError", "iterate", "run",
    "show_leaderboard",
]  # fmt: skip

Callback = Callable[["Experiment"], object]
"""Called with the experiment as it is, whenever a trial has started, reported or ended."""


class Experiment(reading.Experiment):
    """An experiment as it was on disk when it was loaded, with the commands as methods.

    It also has `best`, `state`, `settings`, `ranking()`, `front()` and the rest of
    `automl.experiment.experiment.Experiment`. A notebook shows the leaderboard.
    """

    @property
    def trials(self) -> pd.DataFrame:
        """All trials, best first, one row each: number, objective, epochs, state, values."""
        return leaderboard(self)

    def promote(
        self,
        trial: int | None = None,
        *,
        to: str | Iterable[str] | None = None,
        max_drop: float = MAX_DROP,
        max_logit_difference: float | None = None,
        max_latency_ms: float | None = None,
        min_objective: float | None = None,
        refine: bool = False,
        qat: int = 0,
        confirm_seeds: int = 0,
    ) -> "Experiment":
        """Promote a trial (None: the best) as `automl promote` does; return the experiment after.

        `to` names the models to make, as `"onnx, int8"` or as a list; None: those of the last
        promotion, or of the run.

        Raises `UsageError` if the search is not over, `RunFailed` if a gate rejects a model.
        """
        request = PromotionRequest(
            trial,
            None if to is None else parsed_targets(to),
            max_drop,
            max_logit_difference,
            max_latency_ms,
            min_objective,
            refine,
            qat,
        )
        promote(self.paths.root, request, confirm_seeds=confirm_seeds)
        return Experiment.load(self.paths.root)

    def report(self) -> Path:
        """Write report.html as `automl report` does, and return its path."""
        return write_report(self, self.space())

    def plot(self, name: str = "progress") -> "Figure":
        """Return a figure of the report.

        One of progress, curves, importance, parallel, slices, distribution and front. Raises
        `UsageError` for another name, and if there is too little to draw.
        """
        from plotly.graph_objects import Figure

        return Figure(figure(self, self.space(), name))

    @cached_property
    def model(self) -> Callable[[Any], Any]:
        """The promoted model of this experiment: called with an image, it predicts.

        Raises `UsageError` if nothing was promoted, or the skill loads no models in Python.
        """
        if self.promotion is None:
            raise UsageError(f"{self.paths.root}: has no promoted model")
        return load_skill(self.settings.skill).load_model(Path(self.promotion["onnx"]))

    def predict(self, image: Any) -> Any:
        """Return what the promoted model predicts for an image, a file or an array.

        Raises `UsageError` for an image that cannot be read.
        """
        with faults_of_the_user():
            return self.model(image)

    def resume(self, *, quiet: bool = False, callbacks: Iterable[Callback] = ()) -> "Experiment":
        """Resume an interrupted experiment as `automl resume` does; raises as `run`."""
        return _driven(self.paths.root, is_quiet=quiet, callbacks=callbacks)

    def _repr_html_(self) -> str:
        best = self.best
        summary = f"<b>{escape(str(self.paths.root))}</b>: {self.state}"
        if best is not None:
            metric = self.settings.objective.metric
            value = f"{escape(metric)} {self.value_of(best):.4f}"
            summary += f"; best: trial {best.number:04d}, {value}"
        return f"<p>{summary}</p>" + self.trials.to_html(index=False, na_rep="", max_rows=20)


class RunOptions(TypedDict, total=False):
    """The keywords of `run`; each is the flag of its name. Mappings have dotted or nested keys."""

    skill: str | Path | None
    data: str | Path | Mapping[str, Any] | None
    strict_data: bool | None
    trials: int | None
    epochs: int | None
    budget_epochs: int | None
    time: str | None
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
    return _driven(root, is_quiet=quiet, callbacks=callbacks)


def iterate(
    file: str | Path | None = None, *, quiet: bool = True, **options: Unpack[RunOptions]
) -> Iterator[Experiment]:
    """Search as `run` does; yield the experiment whenever a trial has started, reported or ended.

    The search waits while the body of the loop runs. Leaving the loop stops the search, which can
    be resumed; the last experiment that was yielded has its promotion. Raises as `run`, the
    mistakes of a request at once.
    """
    root = _planned(file, options, is_quiet=quiet)
    return in_turns(lambda hand: _driven(root, is_quiet=quiet, callbacks=[hand]))


def _planned(file: str | Path | None, options: RunOptions, *, is_quiet: bool) -> Path:
    """Check a request, write its plan, and return the experiment's folder."""
    parsed = parsed_options(options, source="automl.run")
    path = None if file is None else Path(file)
    command = tuple(_words(parsed, path))
    request = request_from_options(parsed, file=path, command=command)
    plan = plan_from_request(request)
    for note in (request.policy_note, request.wishes.note(), *plan.notes):
        if note is not None and not is_quiet:
            print(note, file=sys.stderr, flush=True)
    plan.write()
    return plan.paths.root


def _driven(root: Path, *, is_quiet: bool, callbacks: Iterable[Callback]) -> Experiment:
    with watching(root, importance_so_far, is_quiet=is_quiet, is_json=False) as watchers:
        drive(root, watchers=[*watchers, *map(_Calls, callbacks)])
    return Experiment.load(root)


class _Calls(ExperimentObserver):
    """Calls a function with the experiment after each event of a trial."""

    def __init__(self, callback: Callback) -> None:
        self._callback = callback
        self._experiment: Experiment | None = None

    def opened(self, experiment: reading.Experiment) -> None:
        """Keep the driver's experiment, which grows."""
        self._experiment = Experiment(experiment.paths, experiment.settings, experiment.history)

    def started(self, trial: Trial, folder: Path) -> None:
        """Call it."""
        self._call()

    def reported(self, trial: Trial, report: Report) -> None:
        """Call it."""
        self._call()

    def finished(self, trial: Trial, folder: Path) -> None:
        """Call it."""
        self._call()

    def _call(self) -> None:
        assert self._experiment is not None
        self._callback(self._experiment)


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
