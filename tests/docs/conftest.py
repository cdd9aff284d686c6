"""A reader of the pages: commands whose budgets are cut, and a folder with what a user has."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import warm
import yaml
from pages import Reader
from paths import ROOT


@pytest.fixture(scope="session")
def cut(commands, forks):
    """Return a folder with the commands whose budgets are cut, and a python."""
    folder = commands / "cut"
    (folder / "warm").mkdir(parents=True)
    for path in (folder / "automl", folder / "segformer", folder / "warm" / "python"):
        warm.program(path, forks, is_cut=True)
    return folder


@pytest.fixture(scope="session")
def environment(cut):
    path = [str(cut), str(Path(sys.executable).parent), os.environ["PATH"]]
    return {
        **os.environ,
        "PATH": os.pathsep.join(path),
        "PYTHONPATH": str(ROOT),
        "OMP_NUM_THREADS": "1",
    }


@pytest.fixture(scope="session")
def sample(environment, tmp_path_factory):
    """Return a generated data set."""
    folder = tmp_path_factory.mktemp("sample") / "data"
    _automl(environment, folder.parent, "data", "sample", folder)
    return folder


@pytest.fixture(scope="session")
def searched(environment, sample):
    """Return the folder `runs` with the search that README's first command makes."""
    words = ("--skill", "segformer", "--data", sample, "--out", "runs/my_search")
    _automl(environment, sample.parent, "run", *words)
    return sample.parent / "runs"


@pytest.fixture
def reader(tmp_path, sample, commands, cut, environment):
    """Return a reader in a folder with a checkout's files, a data set and some photos."""
    shutil.copytree(sample, tmp_path / "my_data")
    shutil.copytree(sample / "images" / "val", tmp_path / "photos")
    for name in ("search_spaces", "tests", "segformer"):
        (tmp_path / name).symlink_to(ROOT / name)
    (tmp_path / "experiments").mkdir()
    small = yaml.safe_load((ROOT / "experiments" / "sample.yaml").read_text())
    small |= {"trials": 2, "epochs": 1, "runner": "local", "tracker": "none"}
    small["spec"]["dataset.segment"] = {"img_size": 32, "batch_size": 2, "workers": 0}
    (tmp_path / "experiments" / "sample.yaml").write_text(yaml.safe_dump(small))
    own = {**environment, "AUTOML_CACHE": str(tmp_path / "cache")}
    return Reader(tmp_path, own, cut / "warm" / "python", commands / "automl")


@pytest.fixture
def reader_after_a_search(reader, searched):
    """Return a reader who has the search of README's first command."""
    shutil.copytree(searched, reader.folder / "runs")
    return reader


def _automl(environment, folder, *words):
    command = ["automl", *map(str, words)]
    subprocess.run(command, cwd=folder, env=environment, check=True, stdout=subprocess.DEVNULL)
