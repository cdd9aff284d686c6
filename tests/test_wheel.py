"""The wheel: what it holds, and that it works outside a checkout."""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

from automl.version import install_command

ROOT = Path(__file__).parents[1]

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Build the wheel from a copy of the sources."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    for name in ("automl", "segformer", "search_spaces"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    command = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "."]
    subprocess.run([*command, "-w", str(folder)], cwd=source, check=True, capture_output=True)
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """Install the wheel into an environment of its own, beside the libraries of this one."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=False)
    packages = Path(sysconfig.get_path("purelib", vars={"base": str(folder)}))
    # The folder's own .pth files, and with them the checkout, are left out this way.
    (packages / "libraries.pth").write_text(sysconfig.get_path("purelib"))
    command = [sys.executable, "-m", "pip", "--python", str(folder / "bin" / "python"), "install"]
    subprocess.run([*command, "--no-deps", "--force-reinstall", wheel], check=True)
    return folder / "bin"


def run(command, folder):
    env = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "VIRTUAL_ENV")}
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_wheel_holds_every_shipped_overlay_where_it_is_looked_for(wheel):
    names = {name.partition(".data/data/")[2] for name in zipfile.ZipFile(wheel).namelist()}
    shipped = (ROOT / "search_spaces").glob("*/*.yaml")
    assert {f"share/automl/search_spaces/{p.parent.name}/{p.name}" for p in shipped} <= names


def test_the_wheel_searches_and_promotes_outside_a_checkout(installed, tmp_path):
    where = run([installed / "python", "-c", "import automl; print(automl.__file__)"], tmp_path)
    assert Path(where).is_relative_to(installed.parent)
    run([installed / "automl", "data", "sample", "data", "--skill", "segformer"], tmp_path)
    command = ["run", "--skill", "segformer", "--data", "data", "--trials", "1", "--epochs", "1",
               "--runner", "local", "--tracker", "none", "--space", "edge",
               "--out", "search", "--json",
               "model.backbone.type=mit_b0", "dataset.segment.img_size=32",
               "dataset.segment.workers=0"]  # fmt: skip
    result = json.loads(run([installed / "automl", *command], tmp_path))
    assert result["state"] == "finished"
    assert (tmp_path / result["promotion"]["onnx"]).exists()


def test_advice_installs_an_extra_by_the_name_of_the_distribution():
    assert install_command("trt") == "pip install 'automl-segformer[trt]'"
