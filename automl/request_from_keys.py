"""Makes the request of a run from what its experiment file says and what is said nearer to it."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from automl.errors import UsageError
from automl.experiment.resources import Resources
from automl.experiment_file import SUFFIXES, read_experiment_file
from automl.keys import BY_NAME, Said
from automl.policy import choose_policy
from automl.precedence import merged
from automl.request import Request
from automl.said import said_in
from automl.schema.schema import Schema
from automl.search_flags import SearchFlags
from automl.skill.info import SkillInfo, schema_path
from automl.skill.installed import load_skill, only_skill
from automl.space_flags import SpaceFlags
from automl.spec import parse_assignments

_SEARCH = {
    "algorithm": "algorithm",
    "set": "settings",
    "trials": "trials",
    "epochs": "epochs",
    "objective": "objectives",
    "constraint": "constraints",
    "confirm_seeds": "confirm_seeds",
    "stop_rule": "stop_rule",
    "warm_start": "warm_start",
    "budget_epochs": "budget_epochs",
    "time": "time",
}
_SPACE = {"space": "overlay", "search": "searched", "fix": "fixed"}
_RESOURCES = (
    "runner",
    "concurrency",
    "cpus_per_trial",
    "gpus_per_trial",
    "memory_per_trial",
    "address",
)
_PLAIN = ("data", "policy", "seed", "tracker")


def request_from_keys(
    said: Said, *, file: Path | None = None, command: tuple[str, ...] = ()
) -> Request:
    """Return the request; what is `said` wins over the experiment file.

    Args:
        said: By flags or keywords.
        file: The experiment file.
        command: What was typed, for the record.

    Raises `UsageError` for a file that is not understood and for what disagrees.
    """
    filed = {} if file is None else dict(read_experiment_file(file))
    skill = said.get("skill") or filed.get("skill") or only_skill()
    info = SkillInfo.read(load_skill(skill).folder)
    # The policy of the file is kept apart: what is said for this run wins over it.
    file_policy = _policy(filed)
    filed = {name: value for name, value in filed.items() if name not in ("policy", "request")}
    whole = merged(filed, said, info)
    return Request(
        skill=skill,
        search=SearchFlags(**_renamed(whole, _SEARCH)),
        space=space_flags_from_keys(whole),
        resources=Resources(**{name: whole[name] for name in _RESOURCES if name in whole}),
        out=Path(whole["out"]) if "out" in whole else None,
        text=whole.get("request"),
        file_policy=file_policy,
        overrides=whole.get("spec", {}),
        command=command,
        **{name: whole[name] for name in _PLAIN if name in whole},
    )


def space_flags_from_keys(said: Said) -> SpaceFlags:
    """Return what is said of the search space."""
    return SpaceFlags(**_renamed(said, _SPACE))


def said_in_words(words: Iterable[str], flags: Said) -> tuple[Path | None, Said]:
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
    keys = said_in({key: given.pop(key) for key in named}, source="key=value")
    if faults := [
        f"{BY_NAME[name].flag} {flags[name]} and {name}={value} disagree; give one of them"
        for name, value in keys.items()
        if flags.get(name, value) != value
    ]:
        raise UsageError(*faults)
    return file, {**flags, **keys, **({"spec": given} if given else {})}


def _policy(filed: dict[str, Any]) -> str | None:
    """Take the policy out of what a file says; None where it says nothing of it."""
    spec = dict(filed.get("spec", {}))
    setting = spec.pop("automl_policy", None)
    filed |= {"spec": spec} if "spec" in filed else {}
    flag, text = filed.get("policy"), filed.get("request")
    is_said = any(one is not None for one in (flag, setting, text))
    return choose_policy(flag=flag, setting=setting, text=text) if is_said else None


def _skill_of(file: Path | None) -> str | None:
    return None if file is None else read_experiment_file(file).get("skill")


def _own_keys(skill: str) -> set[str]:
    """Return the keys of the skill's train spec, short names too."""
    folder = load_skill(skill).folder
    own = set(SkillInfo.read(folder).shorthand)
    path = schema_path(folder, "train")
    return own | set(Schema.read(path).fields) if path.exists() else own


def _renamed(said: Said, names: Mapping[str, str]) -> dict[str, Any]:
    return {field: said[name] for name, field in names.items() if name in said}
