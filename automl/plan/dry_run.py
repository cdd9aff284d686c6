"""Describes a run without starting it: spec, space, first suggestions, time and disk."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from automl.formats import compact, duration, size, table
from automl.machine.disk import free_bytes
from automl.plan.epoch_costs import expected_epoch_s
from automl.plan.estimate import Estimate, estimate
from automl.plan.plan import Plan
from automl.search.from_settings import searcher_of
from automl.skill.info import SkillInfo
from automl.skill.installed import load_skill
from automl.space.describe import NamedSettings, case_texts, name_texts, rows, values_text
from automl.trial.moves import Start

FIRST = 4
"""The number of suggestions shown if no concurrency was given."""


@dataclass(frozen=True)
class DryRun:
    """A plan with its first suggestions and estimates."""

    plan: Plan
    suggestions: list[dict[str, Any]]
    epoch_s: list[float] | None
    """Expected seconds of an epoch of each suggestion, where an earlier search taught them."""
    estimate: Estimate
    free_bytes: int

    @classmethod
    def of(cls, plan: Plan) -> "DryRun":
        """Ask a searcher for its first batch, and neighbouring experiments for time and disk."""
        info = load_skill(plan.settings.skill).info
        root = plan.paths.root
        suggestions, told = _first_batch(plan, info), estimate(plan.settings, info, root)
        past = told.time_source
        epoch_s = past and expected_epoch_s(Path(past), plan.space, suggestions)
        free = free_bytes(root)
        return cls(plan, suggestions, epoch_s or None, told, free)

    def to_dict(self) -> dict[str, Any]:
        """Return the plain form of ``--json``."""
        return {
            "experiment": str(self.plan.paths.root),
            "settings": self.plan.settings.to_dict(),
            "notes": list(self.plan.notes),
            "parameters": self._rows(),
            "left_out": dict(self.plan.space.left_out),
            "suggestions": self.suggestions,
            "suggested_epoch_s": self.epoch_s,
            "estimate": self.estimate.to_dict(),
            "free_bytes": self.free_bytes,
        }

    def text(self) -> str:
        """Return the text for people."""
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        plan = self.plan
        yield "spec"
        spec = yaml.safe_dump(dict(plan.settings.spec), sort_keys=False, allow_unicode=True)
        yield from (f"  {line}" for line in spec.splitlines())
        parameters = self._rows()
        if parameters:
            yield f"\nspace: {len(parameters)} parameters (automl skill show says why each)"
            yield from table([*_space_rows(parameters, plan.settings.named_choices)], indent="  ")
            yield from (f"  not searched: {k}: {why}" for k, why in plan.space.left_out.items())
            named = plan.settings.algorithm
            yield f"\nsuggestions: the first {len(self.suggestions)} of {named}, without any result"
            yield from _table(self.suggestions, self.epoch_s)
        yield f"\nplan: {plan.announcement()}"
        if plan.settings.weights_text is not None:
            yield f"weights: {plan.settings.weights_text}"
        yield f"time: {self._time()}"
        yield f"disk: {self._disk()}"
        if self.estimate.time_source is None:
            yield from (f"  not used: {reason}" for reason in self.estimate.why_none)
        yield "\nnothing was started or written; the same command without --dry-run starts it"

    def _rows(self) -> list[dict[str, Any]]:
        schema = self.plan.schema
        return [] if schema is None else rows(self.plan.space, schema)

    def _time(self) -> str:
        time = self.estimate
        if time.seconds is None or time.seconds_per_epoch is None:
            return f"no estimate: {self._missing('settings, data and resources')}"
        text = (
            f"at most about {duration(time.seconds)}, by the {time.seconds_per_epoch:.3g} s per "
            f"epoch of {time.time_source}"
        )
        if time.seconds_of_same is not None:
            text += f", which ended with the same budget after {duration(time.seconds_of_same)}"
        budget = self.plan.settings.budget
        cost = budget.cost(time.seconds)
        if cost is not None:
            text += f"; at most about {cost:.2f} at {budget.price_per_hour:g} an hour"
        return text

    def _disk(self) -> str:
        disk, free = self.estimate, f"{size(self.free_bytes)} are free"
        if disk.bytes_per_trial is None:
            return f"no estimate: {self._missing('settings')}; {free}"
        source = f"{size(disk.bytes_per_trial)} a trial as in {disk.disk_source}"
        if disk.bytes_in_all is None:
            return f"{source}, for as many trials as the time allows; {free}"
        return f"at most about {size(disk.bytes_in_all)}, {source}; {free}"

    def _missing(self, what: str) -> str:
        parent = self.plan.paths.root.parent
        return f"no comparable experiment in {parent} (same {what})"


def _space_rows(
    parameters: list[dict[str, Any]], settings_of: Mapping[str, NamedSettings]
) -> Iterator[tuple[str, str]]:
    for row in parameters:
        yield row["key"], values_text(row)
        yield from (("", text) for text in (*case_texts(row), *name_texts(row, settings_of)))


def _first_batch(plan: Plan, info: SkillInfo) -> list[dict[str, Any]]:
    settings = plan.settings
    searcher = searcher_of(settings, plan.space, info, plan.warm_start.trials, plan.transfer)
    batch: list[dict[str, Any]] = []
    while len(batch) < (settings.resources.concurrency or FIRST):
        move = searcher.next()
        if not isinstance(move, Start):
            break
        searcher.start(move)
        batch.append(move.values)
    return batch


def _table(suggestions: list[dict[str, Any]], epoch_s: list[float] | None) -> list[str]:
    keys = list(dict.fromkeys(key for values in suggestions for key in values))
    names = (f"{n:04d}" + (" (defaults)" if n == 0 else "") for n in range(len(suggestions)))
    rows = [["", *names]]
    rows += [[key, *(_cell(values, key) for values in suggestions)] for key in keys]
    if epoch_s is not None:
        rows.append(["seconds per epoch, expected", *(f"{seconds:.3g}" for seconds in epoch_s)])
    return table(rows, indent="  ")


def _cell(values: Mapping[str, Any], key: str) -> str:
    """Return a value as text; a dot for an inactive parameter."""
    return compact(values[key]) if key in values else "."
