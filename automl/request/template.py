"""The commented experiment file that `automl init` writes."""

from collections.abc import Iterator, Mapping

from automl.request.options import RUN_OPTIONS, Option
from automl.request.space import SpaceRequest, space_of_skill
from automl.skill.installed import load_skill
from automl.space.domain import Range
from automl.space.parameter import Parameter

_HEAD = (
    "# An experiment file. Run it with:  automl run THIS_FILE [--flag VALUE] [key=value]",
    "# Each key is a flag of automl run. A flag overrides this file, and the file overrides the",
    "# skill's defaults. Paths are relative to the working folder. Uncomment the keys you set.",
)


def experiment_template(skill: str) -> str:
    """Return the text for a skill: its name is set, every other option is a comment.

    Raises `UsageError` for a skill that cannot be searched.
    """
    examples = _examples(skill)
    return "\n".join(line for line in _template(skill, examples)) + "\n"


def _template(skill: str, examples: Mapping[str, str]) -> Iterator[str]:
    yield from _HEAD
    for option in RUN_OPTIONS.values():
        default = f" (default: {option.default})" if option.default else ""
        yield ""
        yield f"# {option.help}{default}"
        if option.name == "skill":
            yield f"skill: {skill}"
        else:
            yield f"# {option.name}: {examples.get(option.name) or _example(option)}"


def _example(option: Option) -> str:
    """Return the example of the table, else the default, which is then a value."""
    return str(option.example or option.default)


def _examples(skill: str) -> dict[str, str]:
    """Return examples from the skill: its metric and a parameter of its space."""
    space = space_of_skill(skill, SpaceRequest()).space
    info = load_skill(skill).info
    ranges = [p for p in space.parameters.values() if isinstance(p.domain, Range)]
    first = next((p for p in ranges if p.is_log), ranges[0] if ranges else None)
    examples = {"objective": f"{info.objective.metric}:{info.objective.mode}"}
    if first is not None:
        examples["search"] = f"{{{first.key}: '{_expression(first)}'}}"
        examples["fix"] = examples["spec"] = f"{{{first.key}: {first.default}}}"
    return examples


def _expression(parameter: Parameter) -> str:
    kind = "log" if parameter.is_log else "uniform"
    return f"{kind}({parameter.low:g},{parameter.high:g})"
