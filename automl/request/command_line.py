"""The words of the command line: an experiment file and key=value."""

from collections.abc import Iterable
from pathlib import Path

from automl.errors import Fault, UsageError, disagreement
from automl.request.experiment_file import SUFFIXES, read_experiment_file
from automl.request.options import RUN_OPTIONS, Options
from automl.request.parsing import parsed_options
from automl.schema.spec import parse_assignments
from automl.skill.installed import load_skill, only_skill


def options_from_words(words: Iterable[str], flags: Options) -> tuple[Path | None, Options]:
    """Return the experiment file among the words of a command, and all options of the command.

    ``key=value`` is a setting of the spec. If the skill has no such setting, it is a key of the
    experiment file: ``trials=5`` is --trials 5.

    Raises `UsageError` for words that are not understood and for words that contradict flags.
    """
    words = list(words)
    file = _experiment_file(words)
    assignments = parse_assignments(word for word in words if "=" in word)
    named = _named_options(assignments, flags, file)
    options = parsed_options({key: assignments.pop(key) for key in named}, source="key=value")
    if faults := [
        disagreement(f"{RUN_OPTIONS[name].flag} {flags[name]}", f"{name}={value}")
        for name, value in options.items()
        if flags.get(name, value) != value
    ]:
        raise UsageError(*faults)
    return file, {**flags, **options, **({"spec": assignments} if assignments else {})}


def _experiment_file(words: list[str]) -> Path | None:
    """Return the one word that names a file; raises `UsageError` for any other plain word."""
    plain = [word for word in words if "=" not in word]
    files = [word for word in plain if word.endswith(SUFFIXES)]
    if len(files) > 1:
        text = f"{' and '.join(files)}: one experiment file at a time"
        raise UsageError(Fault(text, key=files[1], value=files[1]))
    if unknown := [word for word in plain if word not in files]:
        raise UsageError(*map(_not_understood, unknown))
    return Path(files[0]) if files else None


def _not_understood(word: str) -> Fault:
    text = f"{word!r} is not understood: settings are given as key.sub=value, and an experiment "
    allowed = ("key.sub=value", f"FILE{SUFFIXES[0]}")
    return Fault(f"{text}file ends in {SUFFIXES[0]}", key=word, value=word, allowed=allowed)


def _named_options(assignments: Options, flags: Options, file: Path | None) -> set[str]:
    """Return the keys that name options of the run; the settings of the skill come first."""
    named = {
        key for key in assignments if key in RUN_OPTIONS and RUN_OPTIONS[key].kind != "mapping"
    }
    if named - {"skill"}:
        skill = flags.get("skill") or assignments.get("skill") or _skill_of(file) or only_skill()
        named -= load_skill(skill).spec_keys() - {"skill"}
    return named


def _skill_of(file: Path | None) -> str | None:
    return None if file is None else read_experiment_file(file).get("skill")
