"""Files for clusters, containers and contributors: each is what its tool expects."""

import json
import re
import shlex
import subprocess
from pathlib import Path

import pytest
import yaml

from automl.cli import _arguments, parser
from automl.experiment.paths import ExperimentPaths
from automl.version import __version__

ROOT = Path(__file__).parent.parent
DEPLOY = ROOT / "deploy"


def commands_in(text):
    """Return the commands of automl in a script, as words."""
    found = re.findall(r"\bautoml ((?:run|resume) [^;&'\n]*)", text)
    return [shlex.split(re.sub(r'"?\$\{?\w+\}?(?::"?\$\w+)?"?', "x", words)) for words in found]


def test_the_script_of_slurm_is_bash():
    subprocess.run(["bash", "-n", DEPLOY / "slurm.sh"], check=True)
    directives = re.findall(r"^#SBATCH --([\w-]+)=?", (DEPLOY / "slurm.sh").read_text(), re.M)
    assert {"nodes", "time", "signal", "requeue"} <= set(directives)


@pytest.mark.parametrize("name", ["slurm.sh", "rayjob.yaml"])
def test_the_commands_that_a_cluster_runs_have_flags_that_there_are(name):
    commands = commands_in((DEPLOY / name).read_text())
    assert [words[0] for words in commands] == ["resume", "run"]
    for words in commands:
        assert _arguments(parser(), words).address


def test_the_job_of_kuberay_has_what_it_must_and_shares_a_volume():
    job = yaml.safe_load((DEPLOY / "rayjob.yaml").read_text())
    assert (job["apiVersion"], job["kind"]) == ("ray.io/v1", "RayJob")
    cluster = job["spec"]["rayClusterSpec"]
    pods = [cluster["headGroupSpec"], *cluster["workerGroupSpecs"]]
    for pod in pods:
        assert "rayStartParams" in pod
        (container,) = pod["template"]["spec"]["containers"]
        assert container["image"].endswith(f":{__version__}")
        mounted = {mount["name"] for mount in container["volumeMounts"]}
        assert mounted == {volume["name"] for volume in pod["template"]["spec"]["volumes"]}
    assert subprocess.run(["bash", "-n", "-c", job["spec"]["entrypoint"]], check=True)


@pytest.mark.parametrize("name", ["Containerfile", "serve.Containerfile", "tensorrt.Containerfile"])
def test_a_container_copies_files_that_there_are_and_starts_automl(name):
    lines = (DEPLOY / name).read_text().splitlines()
    copied = [w for line in lines if line.startswith("COPY") for w in line.split()[1:-1]]
    assert copied and all((ROOT / file).exists() for file in copied if file != "${MODEL}")
    stated = [line.split(maxsplit=1) for line in lines if line.startswith(("ENTRYPOINT ", "CMD "))]
    program, *words = (word for _, text in stated for word in json.loads(text))
    assert program == "automl" and any(line == "USER automl" for line in lines)
    if "serve" in words:
        model = Path(_arguments(parser(), words).model)
        assert model.is_relative_to("/model") and model.suffix in (".onnx", ".engine")
    extras = re.search(r'"\.\[([\w,]+)\]"', "\n".join(lines))[1].split(",")
    assert all(re.search(rf"^{extra} = ", (ROOT / "pyproject.toml").read_text(), re.M)
               for extra in extras)  # fmt: skip


def test_the_hooks_and_the_workflow_run_what_the_makefile_checks():
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"][0]["hooks"]
    makefile = (ROOT / "Makefile").read_text()
    assert all({"id", "name", "entry", "language"} <= hook.keys() for hook in hooks)
    assert all(hook["entry"].removeprefix("pytest -q ") in makefile for hook in hooks)
    flow = yaml.safe_load((ROOT / ".github/workflows/check.yaml").read_text())
    steps = flow["jobs"]["check"]["steps"]
    for step in (step["run"] for step in steps if "run" in step):
        assert re.search(rf"^{step.removeprefix('make ')}:", makefile, re.M)
    assert flow["permissions"] == {"contents": "read"}


def test_the_citation_names_this_version():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert citation["version"] == __version__ and citation["cff-version"] == "1.2.0"
    assert {"message", "title", "authors", "license"} <= citation.keys()


def test_every_path_and_name_of_the_contributors_page_exists():
    text = (ROOT / "CONTRIBUTING.md").read_text()
    paths = re.findall(r"`((?:automl|segformer|tests)/[\w/.]+)`", text)
    assert len(paths) > 8 and all((ROOT / path).exists() for path in paths)
    for name, path in re.findall(r"`([A-Z]\w+)` \(`([\w/.]+)`\)", text.replace("\n   ", " ")):
        assert name in (ROOT / path).read_text(), (name, path)


def test_the_stages_of_dvc_run_commands_that_there_are_on_what_they_depend_on():
    stages = yaml.safe_load((DEPLOY / "dvc.yaml").read_text())["stages"]
    made = {"my_data", "search.yaml", "photos"}
    for stage in stages.values():
        program, *words = shlex.split(stage["cmd"])
        assert program == "cp" or _arguments(parser(), words).command
        assert made >= set(stage["deps"])
        assert all(name in stage["cmd"] for name in stage.get("outs", ()))
        files = [*stage.get("outs", ()), *stage.get("metrics", ()), *stage.get("plots", ())]
        made |= {name if isinstance(name, str) else next(iter(name)) for name in files}
    paths = ExperimentPaths(Path("runs/search"))
    copied = stages["result"]["cmd"].split()[1:-1]
    assert copied == [str(paths.best), str(paths.leaderboard)]
