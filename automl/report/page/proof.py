"""The last sections of the page: promotion, failures, and how to reproduce the run."""

import os
import re
import shlex
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from automl.experiment import environment
from automl.experiment.derived import read_derived
from automl.experiment.experiment import Experiment
from automl.formats import compact, counted
from automl.report.measured import WORDS, busy, fine_tuned
from automl.report.page.markup import esc, note, pre, table
from automl.trial.trial import FailureKind, Trial

MOST_CAUSES = 12
_TAIL_LINES, _TAIL_BYTES = 15, 16_384
_NUMBER = re.compile(r"\d[\d.]*")
_PROGRAMS = ("automl", "__main__.py")


def parity(experiment: Experiment) -> Iterator[str]:
    """Yield the contents of parity.json: its facts, then tables of models.

    A mapping is a converted model with its facts; a mapping of mappings, such as `latency`, gets
    its own table.
    """
    promotion = experiment.history.promotion
    # The journal has the proof of a promoted model; that of a rejected one is in its file alone.
    content = (
        read_derived(experiment.paths.rejected / "parity.json")
        if promotion is None
        else promotion["parity"]
    )
    if not isinstance(content.get("trial"), int):
        yield note(
            "No model is promoted yet." if experiment.best else "There is no model to promote."
        )
        return
    verdict = "matches the record" if content.get("is_equal") else "does NOT match the record"
    word = "Rejected" if promotion is None else "Promoted"
    yield note(f"{word}: trial {content['trial']:04}; the exported model {verdict}.")
    steps = (experiment.promotion or {}).get("refinement", ())
    if steps:
        yield note("Refinements of the checkpoint, tried without training:")
        yield table(
            ("kind", "trials", "before", "after", "gain from", "to", "seconds", ""),
            [(s["kind"], ", ".join(f"{n:04d}" for n in s["trials"]), s["before"], s["after"],
              s["low"], s["high"], f"{s['seconds']:.1f}",
              "kept" if s["is_accepted"] else f"dropped: {s['why']}") for s in steps],
        )  # fmt: skip
    for warning in (experiment.promotion or {}).get("warnings", ()):
        yield note(f"Warning: {warning}.")
    facts = {key: value for key, value in content.items() if not isinstance(value, Mapping)}
    rows = [(WORDS.get(key, _words(key)), _plain(value)) for key, value in facts.items()]
    yield table(("", "measured"), rows)
    nested = {key: value for key, value in content.items() if isinstance(value, Mapping)}
    groups = {key: v for key, v in nested.items() if v and all(map(_is_mapping, v.values()))}
    yield from _models(
        "Converted", {key: v for key, v in nested.items() if key not in groups}, _plain
    )
    for key, models in groups.items():
        yield from _models(_words(key).capitalize(), models, compact)
        if warning := busy(models):
            yield note(warning)
    if text := fine_tuned(content):
        yield note(f"int8: {text}.")
    registry = (experiment.promotion or {}).get("registry")
    if registry:
        yield note(f"Registered as models:/{registry['name']}@{registry['alias']}.")


def _is_mapping(value: Any) -> bool:
    return isinstance(value, Mapping)


def _models(
    title: str, models: Mapping[str, Mapping[str, Any]], shown: Callable[[Any], Any]
) -> Iterator[str]:
    """Yield a table with a column for each model, nothing if all of them are empty.

    `shown` makes text of a fact.
    """
    if any(models.values()):
        flat = {name: dict(_flat(facts)) for name, facts in models.items()}
        keys = dict.fromkeys(key for facts in flat.values() for key in facts)
        yield f"<h3>{esc(title)}</h3>"
        yield table(
            ("", *models),
            [
                (WORDS.get(key, _words(key)), *(shown(facts.get(key)) for facts in flat.values()))
                for key in keys
            ],
        )


def _flat(facts: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in facts.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{above}{key}, ")
        else:
            yield above + key, value


def _words(key: str) -> str:
    return key.replace("_", " ")


def _plain(value: Any) -> Any:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.6g}"
    return ", ".join(map(str, value)) if isinstance(value, list) else value


def failures(experiment: Experiment) -> Iterator[str]:
    """Yield the causes of failed trials, most frequent first, each with the end of a log.

    Messages that differ only in numbers are one cause.
    """
    causes: dict[tuple[str, str], list[Trial]] = {}
    for trial in experiment.history.trials.values():
        if trial.failure is not None:
            message = _NUMBER.sub("#", trial.failure.message)
            causes.setdefault((trial.failure.kind.value, message), []).append(trial)
    if not causes:
        yield note("No trial failed.")
        return
    order = sorted(causes.values(), key=len, reverse=True)
    yield from (_cause(experiment, trials) for trials in order[:MOST_CAUSES])
    if len(order) > MOST_CAUSES:
        yield note(f"{len(order) - MOST_CAUSES} more causes: see automl status --json.")


def _cause(experiment: Experiment, trials: list[Trial]) -> str:
    """Return one cause, with the message and the log of its first trial."""
    first = trials[0].failure
    assert first is not None
    numbers = ", ".join(f"{t.number:04d}" for t in trials)
    count = counted(len(trials), "trial")
    parts = [
        f"<h3>{esc(first.kind.value)} <small>{count}: {numbers}</small></h3>",
        note(f"Trial {trials[0].number:04d}: {first.message}"),
    ]
    log = experiment.paths.trial(trials[0].number) / "log.txt"
    if tail := _tail(log):
        parts.append(f"<p>The end of {esc(log)}:</p>{pre(tail)}")
    elif first.kind is not FailureKind.INFEASIBLE:
        parts.append(note(f"There is no {log}."))
    return f'<div class="block">{"".join(parts)}</div>'


def _tail(path: Path) -> str:
    """Return the last lines of a log, reading only its end."""
    if not path.is_file():
        return ""
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - _TAIL_BYTES))
        lines = file.read().decode("utf-8", errors="replace").splitlines()
    return "\n".join(lines[-_TAIL_LINES:])


def reproduce(experiment: Experiment) -> Iterator[str]:
    """Yield the command, its resolved settings, the data, the versions and the best spec."""
    settings, root = experiment.settings, shlex.quote(str(experiment.paths.root))
    lines = []
    if settings.command and Path(settings.command[0]).name in _PROGRAMS:
        lines += ["# the search", shlex.join(["automl", *settings.command[1:]])]
    lines += ["# the results", f"automl status {root}", f"automl report {root}"]
    best = experiment.best
    if best is not None:
        lines += [
            "# the best trial again: its metrics must match the record",
            f"automl reproduce {root} {best.number} --check",
        ]
    if experiment.promotion:
        lines += [
            "# the promotion again",
            f"automl promote {root} --trial {experiment.promotion['trial']}",
        ]
    yield pre("\n".join(lines))
    options = [f"{key}={value}" for key, value in settings.algorithm_options.items()]
    facts = {
        "skill": settings.skill,
        "algorithm": " ".join([settings.algorithm, *options]),
        "objectives": ", ".join(
            f"{o.metric} ({o.mode}{''.join(f', {c}' for c in o.constraints)})"
            for o in settings.objectives
        ),
        "budget": str(settings.budget),
        "seed": settings.seed,
        **{f"data: {key}": value for key, value in settings.data.items()},
        "set and not searched": ", ".join(settings.fixed) or "nothing",
        "versions": ", ".join(f"{k} {v}" for k, v in settings.versions.items()),
        "settings": experiment.paths.settings,
    }
    if best is not None:
        facts |= _environment(experiment, best)
    rows = [(name, str(value) or "none") for name, value in facts.items()]
    yield table(("", ""), rows, kind="facts")
    if best is not None:
        text = yaml.safe_dump(experiment.spec_of(best), sort_keys=False, allow_unicode=True)
        yield f"<details><summary>The whole spec of trial {best.number:04d}</summary>{pre(text)}"
        yield "</details>"


def _environment(experiment: Experiment, best: Trial) -> dict[str, Any]:
    """Return the environment that the best trial recorded."""
    recorded = read_derived(experiment.paths.trial(best.number) / environment.FILE)
    return {
        f"trial {best.number:04d}: {_words(key)}": (
            ", ".join(f"{k} {v}" for k, v in value.items()) if isinstance(value, dict) else value
        )
        for key, value in recorded.items()
    }
