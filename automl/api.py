"""The Python API: what the commands do, as a function and the methods of an experiment."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

import pandas as pd

import automl.experiment.experiment as reading
from automl.errors import AutomlError, RunFailed, Stopped, UsageError
from automl.experiment.experiment import space_of
from automl.plan.plan import plan_from_request
from automl.progress.watch import watching
from automl.promotion.gates import MAX_DROP, PromotionRequest
from automl.report import leaderboard, write_report
from automl.request.options import BY_NAME, Options
from automl.request.parsing import parsed_options
from automl.request.request import request_from_options
from automl.session.session import drive, promote

__all__ = ["AutomlError", "Experiment", "RunFailed", "Stopped", "UsageError", "run"]


class Experiment(reading.Experiment):
    """An experiment as it lay on disk when it was read, with the commands as methods.

    `best`, `state`, `settings`, `ranking()`, `front()` and the rest are those of the reading. A
    notebook shows the leaderboard.
    """

    @property
    def trials(self) -> pd.DataFrame:
        """All trials, best first, one row each: number, objective, epochs, state, values."""
        return leaderboard(self)

    def promote(
        self,
        trial: int | None = None,
        *,
        to: str | Iterable[str] = "onnx",
        max_drop: float = MAX_DROP,
        max_logit_difference: float | None = None,
        max_latency_ms: float | None = None,
        confirm_seeds: int = 0,
    ) -> "Experiment":
        """Promote a trial (None: the best) as `automl promote` does; return the experiment after.

        Raises `UsageError` where the search is not over, `RunFailed` when a gate says no.
        """
        names = to.split(",") if isinstance(to, str) else to
        wanted = PromotionRequest(
            trial, tuple(names), max_drop, max_logit_difference, max_latency_ms
        )
        promote(self.paths.root, wanted, confirm_seeds=confirm_seeds)
        return Experiment.load(self.paths.root)

    def report(self) -> Path:
        """Write report.html as `automl report` does, and return where it is."""
        return write_report(self, space_of(self.paths, self.settings))

    def resume(self, *, quiet: bool = False) -> "Experiment":
        """Go on with an experiment that was cut off, as `automl resume` does.

        Raises as `run`.
        """
        return _driven(self.paths.root, is_quiet=quiet)

    def _repr_html_(self) -> str:
        best = self.best
        told = f"<b>{escape(str(self.paths.root))}</b>: {self.state}"
        if best is not None:
            metric = self.settings.objective.metric
            told += f"; best: trial {best.number:04d}, {escape(metric)} {self.value_of(best):.4f}"
        return f"<p>{told}</p>" + self.trials.to_html(index=False, na_rep="", max_rows=20)


def run(
    file: str | Path | None = None,
    *,
    skill: str | Path | None = None,
    data: str | Path | None = None,
    trials: int | None = None,
    epochs: int | None = None,
    budget_epochs: int | None = None,
    time: str | None = None,
    objective: str | Sequence[str] | None = None,
    constraint: str | Sequence[str] | None = None,
    confirm_seeds: int | None = None,
    warm_start: str | Path | None = None,
    stop_rule: str | bool | None = None,
    algorithm: str | None = None,
    set: Mapping[str, Any] | None = None,
    space: str | Path | None = None,
    search: Mapping[str, Any] | None = None,
    fix: Mapping[str, Any] | None = None,
    spec: Mapping[str, Any] | None = None,
    policy: str | bool | None = None,
    request: str | None = None,
    runner: str | None = None,
    concurrency: int | None = None,
    cpus_per_trial: float | None = None,
    gpus_per_trial: float | None = None,
    memory_per_trial: str | None = None,
    address: str | None = None,
    seed: int | None = None,
    tracker: str | None = None,
    out: str | Path | None = None,
    quiet: bool = False,
) -> Experiment:
    """Search, track and promote, as `automl run` does; each keyword is the flag of its name.

    An experiment file says what the keywords do not. Mappings have dotted keys or are nested.
    Progress is told on stderr, unless it is to be `quiet`.

    Raises `UsageError` for what cannot be carried out as asked, before anything is trained;
    `RunFailed` when no trial has a result or the promotion fails; `Stopped` on SIGTERM. After the
    last two the experiment can be resumed.
    """
    given = {name: value for name, value in locals().items() if name in BY_NAME}
    said = parsed_options(given, source="automl.run")
    path = None if file is None else Path(file)
    plan = plan_from_request(
        request_from_options(said, file=path, command=tuple(_words(said, path)))
    )
    plan.write()
    return _driven(plan.paths.root, is_quiet=quiet)


def _driven(root: Path, *, is_quiet: bool) -> Experiment:
    with watching(root, is_quiet=is_quiet, is_json=False) as watchers:
        drive(root, watchers=watchers)
    return Experiment.load(root)


def _words(said: Options, file: Path | None) -> Iterator[str]:
    """Yield the command that asks for the same."""
    yield from ("automl", "run", *([] if file is None else [str(file)]))
    for name, value in said.items():
        key = BY_NAME[name]
        inner = value.items() if key.kind == "mapping" else ()
        texts = value if key.kind == "texts" else [f"{k}={_text(v)}" for k, v in inner] or [value]
        for text in texts:
            yield from ([] if key.flag is None else [key.flag])
            yield str(text)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
