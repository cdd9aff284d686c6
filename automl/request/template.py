"""The experiment file that `automl init` writes: every key, explained, with an example."""

from collections.abc import Iterator, Mapping

from automl.request.options import KEYS, Key
from automl.request.space import SpaceRequest, space_of_skill
from automl.skill.installed import load_skill
from automl.space.domain import Range
from automl.space.parameter import Parameter

_HEAD = (
    "# An experiment file. Run it with:  automl run THIS_FILE [--flag VALUE] [key=value]",
    "# Each key is a flag of automl run. A flag wins over this file, and the file over the skill's",
    "# own defaults. Paths count from where the command is run. Take the # off what you set.",
)


def experiment_template(skill: str) -> str:
    """Return the text for a skill: its name is said, all else is explained and left out.

    Raises `UsageError` for a skill that cannot be searched.
    """
    examples = _examples(skill)
    return "\n".join(line for line in _template(skill, examples)) + "\n"


def _template(skill: str, examples: Mapping[str, str]) -> Iterator[str]:
    yield from _HEAD
    for key in KEYS:
        default = f" (default: {key.default})" if key.default else ""
        yield ""
        yield f"# {key.help}{default}"
        if key.name == "skill":
            yield f"skill: {skill}"
        else:
            yield f"# {key.name}: {examples.get(key.name) or _example(key)}"


def _example(key: Key) -> str:
    """Return the example of the table, else the default, which is then a value."""
    return str(key.example or key.default)


def _examples(skill: str) -> dict[str, str]:
    """Return examples of the skill's own: its metric and a parameter of its space."""
    _, _, space = space_of_skill(skill, SpaceRequest())
    info = load_skill(skill).info
    ranges = [p for p in space.parameters.values() if isinstance(p.domain, Range)]
    first = next((p for p in ranges if p.is_log), ranges[0] if ranges else None)
    found = {"objective": f"{info.objective.metric}:{info.objective.mode}"}
    if first is not None:
        found["search"] = f"{{{first.key}: '{_expression(first)}'}}"
        found["fix"] = found["spec"] = f"{{{first.key}: {first.default}}}"
    return found


def _expression(parameter: Parameter) -> str:
    kind = "log" if parameter.is_log else "uniform"
    return f"{kind}({parameter.low:g},{parameter.high:g})"
