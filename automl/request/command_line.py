"""The words of the command line: an experiment file and key=value."""

from collections.abc import Iterable
from pathlib import Path

from automl.errors import UsageError
from automl.request.experiment_file import SUFFIXES, read_experiment_file
from automl.request.options import BY_NAME, Options
from automl.request.parsing import parsed_options
from automl.schema.schema import Schema
from automl.schema.spec import parse_assignments
from automl.skill.info import schema_path
from automl.skill.installed import load_skill, only_skill


def options_from_words(words: Iterable[str], flags: Options) -> tuple[Path | None, Options]:
    """Return the experiment file among the words of a command, and all that the command says.

    ``key=value`` is a setting of the spec, or, where the skill has no such setting, a key of the
    experiment file: ``trials=5`` is --trials 5.

    Raises `UsageError` for words that are not understood, and where words and flags disagree.
    """
    words = list(words)
    files = [word for word in words if "=" not in word and word.endswith(SUFFIXES)]
    if len(files) > 1:
        raise UsageError(f"{' and '.join(files)}: one experiment file at a time")
    if strange := [word for word in words if "=" not in word and word not in files]:
        raise UsageError(
            *(
                f"{word!r} is not understood: settings are given as key.sub=value, and an "
                f"experiment file ends in {SUFFIXES[0]}"
                for word in strange
            )
        )
    file = Path(files[0]) if files else None
    given = parse_assignments(word for word in words if word not in files)
    named = {key for key in given if key in BY_NAME and BY_NAME[key].kind != "mapping"}
    if named - {"skill"}:
        skill = flags.get("skill") or given.get("skill") or _skill_of(file) or only_skill()
        named -= _own_keys(skill) - {"skill"}
    keys = parsed_options({key: given.pop(key) for key in named}, source="key=value")
    if faults := [
        f"{BY_NAME[name].flag} {flags[name]} and {name}={value} disagree; give one of them"
        for name, value in keys.items()
        if flags.get(name, value) != value
    ]:
        raise UsageError(*faults)
    return file, {**flags, **keys, **({"spec": given} if given else {})}


def _skill_of(file: Path | None) -> str | None:
    return None if file is None else read_experiment_file(file).get("skill")


def _own_keys(skill: str) -> set[str]:
    """Return the keys of the skill's train spec, short names too."""
    loaded = load_skill(skill)
    own = set(loaded.info.shorthand)
    path = schema_path(loaded.folder, "train")
    return own | set(Schema.read(path).fields) if path.exists() else own
