"""The resources: texts about experiments and skills, by address."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, unquote

from automl.errors import UsageError, not_one_of
from automl.experiment.experiment import Experiment
from automl.experiment.paths import RUNS, ExperimentPaths, experiment_folder
from automl.mcp.commands import Commands
from automl.mcp.confinement import leads_outside
from automl.redact import redacted
from automl.report.leaderboard import leaderboard
from automl.skill.entry_points import installed_skills
from automl.skill.info import schema_path
from automl.skill.installed import load_skill

EXPERIMENTS = "automl://experiments"
SKILLS = "automl://skills"
TEMPLATES = {
    f"{EXPERIMENTS}/{{experiment}}/report": "ranking, best trial and promotion, as text",
    f"{EXPERIMENTS}/{{experiment}}/leaderboard": "all trials with their values, as CSV",
    f"{SKILLS}/{{skill}}/SKILL.md": "what a skill does, its keys and its data",
    f"{SKILLS}/{{skill}}/schemas/{{action}}": "the JSON schema of an action's spec",
}
_KINDS = ("report", "leaderboard")


@dataclass(frozen=True)
class Resource:
    """A text at an address."""

    uri: str
    name: str
    mime_type: str


def resources(root: Path) -> Iterator[Resource]:
    """Yield the resources of the installed skills, and of the experiments in runs/."""
    for name in sorted(installed_skills()):
        yield Resource(f"{SKILLS}/{name}/SKILL.md", f"{name}: SKILL.md", "text/markdown")
        yield Resource(f"{SKILLS}/{name}/schemas/train", f"{name}: train", "application/json")
    for folder in sorted((root / RUNS).glob("*")):
        if ExperimentPaths(folder).exists():
            uri = f"{EXPERIMENTS}/{quote(folder.name, safe='')}"
            yield Resource(f"{uri}/report", f"{folder.name}: report", "text/plain")
            yield Resource(f"{uri}/leaderboard", f"{folder.name}: leaderboard", "text/csv")


def read_resource(uri: str, commands: Commands) -> str:
    """Return the text at an address; raises `UsageError` if there is none."""
    place, _, rest = uri.removeprefix("automl://").partition("/")
    name, _, kind = rest.partition("/")
    if place == "experiments" and kind in _KINDS:
        return redacted(_of_experiment(unquote(name), kind, commands))
    if place == "skills":
        return _of_skill(unquote(name), unquote(kind))
    raise UsageError(not_one_of("uri", uri, TEMPLATES))


def _of_experiment(name: str, kind: str, commands: Commands) -> str:
    if leads_outside(name, commands.root):
        raise UsageError(not_one_of("uri", name, [f"names inside {commands.root}"]))
    folder = experiment_folder(name)
    if kind == "report":
        return commands.text(["status", str(folder)])
    return str(leaderboard(Experiment.load(folder)).to_csv(index=False))


def _of_skill(name: str, kind: str) -> str:
    skills = installed_skills()
    if name not in skills:
        raise UsageError(not_one_of("skill", name, sorted(skills)))
    folder = load_skill(name).folder
    names = {"SKILL.md": folder / "SKILL.md"}
    for path in sorted((folder / "schemas").glob("*.schema.json")):
        action = path.name.removesuffix(".schema.json")
        names[f"schemas/{action}"] = schema_path(folder, action)
    if kind not in names:
        raise UsageError(not_one_of("uri", kind, names))
    if not names[kind].exists():
        raise UsageError(f"{name}: has no {kind}")
    return names[kind].read_text(encoding="utf-8")
