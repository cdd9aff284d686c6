"""Fixtures of the whole suite: the toy skill is installed for this process and its children."""

import atexit
import gc
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from functools import partial
from pathlib import Path

import hypothesis
import pytest
import warm
from paths import HELPERS

# A shell that starts the suite in the background has Ctrl-C ignored, also by what the tests start.
signal.signal(signal.SIGINT, signal.default_int_handler)

# Where a container forbids it, each of the hundreds of processes would compile its libraries again.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

TOY = Path(__file__).parent / "toy"

# Before any test module imports a skill: Ray's workers and child processes inherit it.
sys.path.insert(0, str(TOY))
os.environ["PYTHONPATH"] = os.pathsep.join(
    part for part in (str(TOY), os.environ.get("PYTHONPATH", "")) if part
)
os.environ.pop("MLFLOW_TRACKING_URI", None)
# Whatever weights lie on this machine: only those of installed packages are at hand.
os.environ.pop("AUTOML_WEIGHTS", None)
os.environ["HF_HUB_CACHE"] = str(Path(tempfile.gettempdir()) / "no-hub-of-the-tests")
# Not the user's: what the suite compares and downloads is kept here, for its children too.
if "AUTOML_CACHE" not in os.environ:
    os.environ["AUTOML_CACHE"] = tempfile.mkdtemp(prefix="automl-cache-")
    atexit.register(shutil.rmtree, os.environ["AUTOML_CACHE"], ignore_errors=True)
# A thread for each core pays for no tensor of the tests, which run beside each other; and beside
# the pools of OpenMP and OpenBLAS the local runner cannot fork, but imports all libraries again.
for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(name, "1")
# glibc hands a large tensor back to the system, and gets the next from it page by page: that was a
# fifth of the processor's time where networks are trained or exported.
for name in ("MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_"):
    os.environ.setdefault(name, str(10**9))
os.environ.setdefault("MALLOC_TOP_PAD_", str(2**26))
# Ray runs trainings at nice 15: beside the rest of the suite they would hardly run at all.
os.environ.update(RAY_worker_niceness="0")

# The same examples everywhere, so that a run says something about the code and not about luck;
# HYPOTHESIS_PROFILE=explore draws others each time. Explaining would trace every line that runs,
# also those of the libraries, which makes a search many times slower.
_PHASES = [phase for phase in hypothesis.Phase if phase is not hypothesis.Phase.explain]
hypothesis.settings.register_profile(
    "fixed", derandomize=True, deadline=None, database=None, phases=_PHASES
)
hypothesis.settings.register_profile("explore", deadline=None, max_examples=200, phases=_PHASES)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "fixed"))


# What the test modules load stays: to look for garbage in it is a fifth of the collection's time,
# and time in every test after it.
gc.disable()


def pytest_sessionstart(session):
    """Say first where a full disk would make tests fail: two processes take up to 4 GB."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    free = shutil.disk_usage(tempfile.gettempdir()).free / 1e9
    if reporter and free < 4:
        place = tempfile.gettempdir()
        line = f"only {free:.1f} GB are free in {place}: tests may fail. Free some, or set TMPDIR."
        reporter.write_line(line, red=True)


def pytest_collection_finish():
    """Look for garbage from now on, among new objects."""
    gc.freeze()
    gc.enable()


def pytest_collection_modifyitems(items):
    """Put the files with most slow tests first, so that no process is left alone with one."""
    slow = Counter(item.path for item in items if item.get_closest_marker("slow"))
    items.sort(key=lambda item: -slow[item.path])


@pytest.hookimpl(wrapper=True)
def pytest_fixture_setup(fixturedef, request):
    """Remove what a fixture of a module or class made when it ends: a whole run would leave 10 GB.

    As with tmp_path, what a failed test may have used stays.
    """
    if fixturedef.scope not in ("module", "class"):
        return (yield)
    factory = request.getfixturevalue("tmp_path_factory")
    before, failed = set(factory.getbasetemp().iterdir()), request.session.testsfailed
    made = []

    def remove():
        if request.session.testsfailed == failed:
            for folder in made:
                shutil.rmtree(folder, ignore_errors=True)

    fixturedef.addfinalizer(remove)  # Before those of the fixture itself, so that it runs last.
    try:
        return (yield)
    finally:
        made += set(factory.getbasetemp().iterdir()) - before


@pytest.fixture
def toy_data(tmp_path):
    """Return a folder that the toy skill takes as data."""
    folder = tmp_path / "data"
    folder.mkdir()
    return folder


class Forks:
    """A process that has all loaded, and answers commands by forks; it ends with its stdin."""

    def __init__(self, folder):
        self.address = str(folder / "socket")
        root = str(Path(__file__).parent.parent)
        with Path(f"{self.address}.log").open("w") as log:  # Of libraries, about themselves.
            self._process = subprocess.Popen(
                [sys.executable, warm.__file__, self.address],
                start_new_session=True, stdin=subprocess.PIPE, stderr=log,
                env={**os.environ, "PYTHONPATH": os.pathsep.join([root, os.environ["PYTHONPATH"]])},
            )  # fmt: skip

    def end(self):
        self._process.stdin.close()
        self._process.wait()


_shared = pytest.StashKey[Forks]()


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node):
    """Hand each process of xdist the address of one process that answers: it loads for seconds."""
    stash = node.config.stash
    if _shared not in stash:
        stash[_shared] = Forks(Path(tempfile.mkdtemp(prefix="automl-forks-")))
    node.workerinput["forks"] = stash[_shared].address


def pytest_unconfigure(config):
    if forks := config.stash.get(_shared, None):
        forks.end()
        shutil.rmtree(Path(forks.address).parent)


@pytest.fixture(scope="session")
def forks(request, tmp_path_factory):
    """Yield the address of a process that answers commands; it may not have loaded all yet."""
    shared = getattr(request.config, "workerinput", {}).get("forks")
    own = None if shared else Forks(tmp_path_factory.mktemp("forks"))
    yield own.address if own else shared
    if own:
        own.end()


@pytest.fixture(scope="session")
def commands(forks, tmp_path_factory):
    """Return a folder with the commands, answered by one process that has all loaded.

    Its `python` runs the program that stdin holds.
    """
    folder = tmp_path_factory.mktemp("commands")
    for name in ("automl", "segformer", "python"):
        warm.program(folder / name, forks)
    given_up = time.monotonic() + 120
    while not Path(forks).exists():
        assert time.monotonic() < given_up, Path(f"{forks}.log").read_text()
        time.sleep(0.1)
    return folder


@pytest.fixture(scope="session")
def run_in(commands):
    """Return a function that runs the real command in a folder, in a process of its own."""

    def run(folder, *words, program="automl", timeout=280, **environment):
        return subprocess.run(
            [commands / program, *map(str, words)],
            cwd=folder, env={**os.environ, **environment}, capture_output=True, text=True,
            timeout=timeout, check=False,
        )  # fmt: skip

    return run


@pytest.fixture
def automl(tmp_path, run_in):
    """Return a function that runs `automl` in tmp_path."""
    return partial(run_in, tmp_path)


@pytest.fixture(scope="module")
def _ray_head():
    """Yield the address of a Ray cluster of two CPUs, which tests share: a start takes seconds.

    It ends with the module, as an idle one takes 2 % of a core.
    """
    # Its sockets need a short path; a folder of its own keeps it from being found as `auto`.
    folder = tempfile.mkdtemp(prefix="ray", dir="/tmp")
    with subprocess.Popen(
        [sys.executable, str(HELPERS / "ray_head.py"), "2"], stdin=subprocess.PIPE,
        stdout=subprocess.PIPE, text=True,
        env={**os.environ, "RAY_AUTH_MODE": "disabled", "RAY_TMPDIR": folder},
    ) as head:  # fmt: skip
        address = head.stdout.readline().strip()
        assert address, "Ray did not start"
        yield address
        head.stdin.close()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def ray_head(_ray_head, monkeypatch):
    """Return the address of the shared Ray cluster, which the commands of the test can join."""
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    return _ray_head


@pytest.fixture(scope="session")
def shared():
    """Return the folder of shared material; it lies beside the checkout, or AUTOML_SHARED says."""
    beside = Path(__file__).parent.parent.parent / "shared"
    folder = Path(os.environ.get("AUTOML_SHARED", beside))
    if not folder.is_dir():
        pytest.skip(f"there is no shared material in {folder}")
    return folder


@pytest.fixture
def no_gpu():
    import torch

    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
