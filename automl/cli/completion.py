"""`automl completion`: the script of a shell, and the words that it completes.

The shell runs this program at each Tab, so keys of the spec, skills and experiments are current.
Nothing of it is loaded otherwise.
"""

import argparse
import glob
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

SHELLS = ("bash", "zsh", "fish")
ASKED = "_ARGCOMPLETE"
"""Set by the shell when it asks for words."""


def add(commands: Any) -> None:
    """Add the commands of this module to the parser."""
    parser = commands.add_parser(
        "completion",
        help="print a shell completion script",
        description="Print a shell completion script.",
        epilog='bash: eval "$(automl completion bash)" in ~/.bashrc; zsh: the same with zsh in '
        "~/.zshrc; fish: automl completion fish > ~/.config/fish/completions/automl.fish",
    )
    parser.set_defaults(command=_completion)
    parser.add_argument("shell", choices=SHELLS)


def answer_shell(parser: argparse.ArgumentParser) -> None:
    """Print the matching words and exit if a shell asks for them; else do nothing."""
    if ASKED not in os.environ:
        return
    import argcomplete

    for action in _actions(parser):
        completer = _COMPLETERS.get(action.dest)
        if completer is not None:
            action.completer = completer  # type: ignore[attr-defined]
    argcomplete.autocomplete(parser)


def _completion(arguments: argparse.Namespace) -> int:
    from argcomplete.shell_integration import shellcode

    print(shellcode(["automl"], shell=arguments.shell))
    return 0


def _actions(parser: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    for action in parser._actions:
        yield action
        if isinstance(action, argparse._SubParsersAction):
            for command in dict.fromkeys(action.choices.values()):
                yield from _actions(command)


def _skills(prefix: str, **_rest: Any) -> list[str]:
    from automl.skill.entry_points import installed_skills

    return [*sorted(installed_skills()), *_folders(prefix)]


def _experiments(prefix: str, **_rest: Any) -> list[str]:
    """Return experiments and folders; those of runs/ too if the word is empty."""
    from automl.experiment.paths import ExperimentPaths

    folders = [*Path("runs").glob("*")] if not prefix else []
    experiments = [str(path) for path in folders if ExperimentPaths(path).exists()]
    for name in _folders(prefix):
        is_one = ExperimentPaths(Path(name)).exists()
        experiments.append(name.rstrip("/") if is_one else name)
    return sorted(experiments)


def _settings(prefix: str, parsed_args: argparse.Namespace, **_rest: Any) -> Iterable[str]:
    """Return `key=` for the keys of a skill's spec, or `key=value` for the values of a key."""
    from automl.errors import AutomlError
    from automl.schema.schema import Schema
    from automl.skill.info import schema_path
    from automl.skill.installed import folder_of_skill, only_skill

    action = getattr(parsed_args, "action", None) or "train"
    files = [] if "=" in prefix else _paths(prefix, "*.yaml")
    try:
        folder = folder_of_skill(parsed_args.skill or only_skill())
        fields = Schema.read(schema_path(folder, action)).fields
    except AutomlError:
        return files
    key, equals, _ = prefix.partition("=")
    if not equals:
        return [*files, *(f"{name}=" for name in fields)]
    field = fields.get(key)
    if field is None:
        return []
    values = ("true", "false") if field.type == "bool" else field.choices
    return [f"{key}={value}" for value in values]


def _spaces(prefix: str, parsed_args: argparse.Namespace, **_rest: Any) -> list[str]:
    """Return the overlays of the skill by name, and files."""
    from automl.errors import AutomlError
    from automl.skill.installed import folder_of_skill, only_skill
    from automl.space.overlay.overlay import named_overlays

    files = [*_folders(prefix), *_paths(prefix, "*.yaml")]
    try:
        skill = parsed_args.skill or only_skill()
        folder = folder_of_skill(skill)
    except AutomlError:
        return files
    return [*sorted(named_overlays(folder.name, [folder / "search_spaces"])), *files]


def _objectives(prefix: str, parsed_args: argparse.Namespace, **_rest: Any) -> list[str]:
    """Return the metrics and costs of the skill."""
    from automl.errors import AutomlError
    from automl.skill.info import SkillInfo
    from automl.skill.installed import folder_of_skill, only_skill

    try:
        info = SkillInfo.read(folder_of_skill(parsed_args.skill or only_skill()))
    except AutomlError:
        return []
    return sorted({*info.metrics, *info.cost_metrics})


def _jobs(prefix: str, **_rest: Any) -> list[str]:
    """Return the ids of the jobs in runs/."""
    from automl.errors import AutomlError
    from automl.jobs.store import JobStore

    try:
        return sorted(job.id for job in JobStore(Path("runs")).jobs())
    except AutomlError:
        return []


def _algorithms(**_rest: Any) -> list[str]:
    from automl.search.algorithms import ALGORITHMS

    return sorted(ALGORITHMS)


def _runners(**_rest: Any) -> tuple[str, ...]:
    from automl.experiment.resources import RUNNERS

    return RUNNERS


def _trackers(**_rest: Any) -> tuple[str, ...]:
    from automl.experiment.settings import NO_TRACKER, TRACKERS

    return (*TRACKERS, NO_TRACKER)


def _policies(**_rest: Any) -> tuple[str, ...]:
    from automl.request.policy import POLICIES

    return POLICIES


def _folders(prefix: str) -> list[str]:
    return _paths(prefix, "*/")


def _paths(prefix: str, ending: str) -> list[str]:
    """Return matching paths, spelled as the word begins (pathlib would normalise it)."""
    return sorted(glob.glob(glob.escape(prefix) + ending))  # noqa: PTH207


def _targets(prefix: str, **_rest: Any) -> list[str]:
    """Return the models that a promotion makes, after those that the word has already."""
    from automl.promotion.gates import TARGETS

    before = prefix.rpartition(",")[0]
    begun = f"{before}," if before else ""
    return [f"{begun}{name}" for name in TARGETS]


def _switches(**_rest: Any) -> tuple[str, ...]:
    return "on", "off"


_COMPLETERS: dict[str, Callable[..., Iterable[str]]] = {
    "experiment": _experiments,
    "warm_start": _experiments,
    "skill": _skills,
    "overrides": _settings,
    "algorithm": _algorithms,
    "runner": _runners,
    "tracker": _trackers,
    "to": _targets,
    "stop_rule": _switches,
    "refine": _switches,
    "space": _spaces,
    "objective": _objectives,
    "constraint": _objectives,
    "job": _jobs,
    "parent": _jobs,
    "again": _jobs,
    "policy": _policies,
}
"""By the name of the argument."""
