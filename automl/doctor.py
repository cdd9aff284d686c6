"""Looks whether this machine can do what the commands need, and says what to do where it cannot.

Whatever may take a process down (Ray, a broken build of a library) is tried in a child process.
"""

import os
import re
import shutil
import sqlite3
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, entry_points, requires, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from automl.drawn import size
from automl.errors import UsageError
from automl.policy import listed_skills
from automl.redact import redacted
from automl.skill_check import check_folder
from automl.store import ExperimentPaths

OK, WARNING, PROBLEM = "ok", "warning", "problem"
LEAST_PYTHON = (3, 11)
LITTLE_DISK, TOO_LITTLE_DISK = 10e9, 1e9
LITTLE_MEMORY = 4e9
_CHILD_TIMEOUT_S = 120


@dataclass(frozen=True)
class Check:
    """What was found of one thing, and what to do about it."""

    name: str
    status: str
    """ok, warning (something is slower or missing that is not always needed), or problem."""
    found: str
    advice: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return the plain form of ``--json``."""
        return asdict(self)


def checks(store: Path, *, is_quick: bool = False) -> list[Check]:
    """Make all checks, side by side.

    Args:
        store: The folder of the experiments.
        is_quick: Whether Ray is only looked for and not started.
    """
    every: list[Callable[[], list[Check]]] = [
        lambda: [_python()],
        lambda: list(_libraries()),
        lambda: [_processor()],
        lambda: [_gpu()],
        lambda: [_tensorrt()],
        lambda: [_disk(store)],
        lambda: [_ray(is_quick=is_quick)],
        lambda: [_mlflow(store)],
        lambda: list(_skills()),
    ]
    with ThreadPoolExecutor(len(every)) as pool:
        made = [pool.submit(check) for check in every]
        return [check for one in made for check in one.result()]


def _python() -> Check:
    found = f"{sys.version.split()[0]} in {sys.prefix}"
    if sys.version_info < LEAST_PYTHON:
        return Check("Python", PROBLEM, found, "install Python 3.11 or newer")
    return Check("Python", OK, found)


def _libraries() -> Iterator[Check]:
    """Yield one check for each extra that `all` has, and one for the other extras together."""
    point = next(iter(entry_points(group="console_scripts", name="automl")), None)
    if point is None or point.dist is None:
        yield Check(
            "libraries", PROBLEM, "automl itself is not installed", "pip install -e '.[all]'"
        )
        return
    by_extra: dict[str, list[tuple[str, str]]] = {}
    wanted: set[str] = {""}
    for text in requires(point.dist.name) or []:
        name, inner, least, extra = _requirement(text)
        if name == point.dist.name:
            wanted |= set(inner) if extra == "all" else set()
        else:
            by_extra.setdefault(extra, []).append((name, least))
    for extra in sorted(wanted & set(by_extra)):
        yield _needed(extra, by_extra[extra])
    others = [_optional(extra, by_extra[extra]) for extra in sorted(set(by_extra) - wanted)]
    yield Check("extras", OK, "; ".join(others))


def _requirement(text: str) -> tuple[str, list[str], str, str]:
    """Return name, extras in brackets, least version and the extra it belongs to."""
    extra = re.search(r"extra == ['\"]([\w-]+)", text)
    match = re.match(r"([\w.-]+)(?:\[([^\]]*)\])?(?:>=([\w.]+))?", text)
    assert match is not None, text
    inner = [part for part in (match[2] or "").split(",") if part]
    return match[1], inner, match[3] or "", extra[1] if extra else ""


def _needed(extra: str, libraries: list[tuple[str, str]]) -> Check:
    faults, shown = [], []
    for name, least in libraries:
        found = _version(name)
        shown.append(f"{name} {found or 'missing'}")
        if found is None:
            faults.append(f"{name} is missing")
        elif _numbers(found) < _numbers(least):
            faults.append(f"{name} is older than {least}")
    label = f"libraries ({extra})" if extra else "libraries"
    if not faults:
        return Check(label, OK, ", ".join(shown))
    return Check(label, PROBLEM, ", ".join(faults), "pip install -c constraints.txt -e '.[all]'")


def _optional(extra: str, libraries: list[tuple[str, str]]) -> str:
    found = {name: _version(name) for name, _ in libraries}
    if all(found.values()):
        return f"{extra}: {', '.join(f'{name} {known}' for name, known in found.items())}"
    return f"{extra}: not installed"


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", text.split("+")[0])[:3])


def _processor() -> Check:
    cores = len(os.sched_getaffinity(0))
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    found = f"{cores} cores, {size(memory)} of memory"
    if memory < LITTLE_MEMORY:
        return Check("CPU", WARNING, found, "run one trial at a time: --concurrency 1")
    return Check("CPU", OK, found)


def _gpu() -> Check:
    cards, driver = _cards()
    code = "import torch; print(torch.__version__, torch.cuda.device_count(), torch.version.cuda)"
    done = _in_child(code)
    if done.error:
        advice = "pip install -c constraints.txt -e '.[all]'"
        return Check("GPU", PROBLEM, f"torch cannot be imported: {done.error}", advice)
    torch, count, cuda = done.output.split()
    if not cards:
        return Check("GPU", OK, f"none, trials run on the CPU (torch {torch})")
    found = f"{', '.join(cards)}; driver {driver}; torch {torch}"
    if cuda == "None":
        advice = f"install a build of torch for CUDA: pip install --force-reinstall torch=={torch}"
        return Check("GPU", WARNING, f"{found}, a build without CUDA", advice.split("+")[0])
    if count == "0":
        advice = f"update the driver to one for CUDA {cuda}, and look at CUDA_VISIBLE_DEVICES"
        return Check("GPU", WARNING, f"{found}, which sees none of them", advice)
    return Check("GPU", OK, f"{found} for CUDA {cuda} sees {count}")


def _cards() -> tuple[list[str], str]:
    """Return the names of NVIDIA's cards and the version of their driver."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return [], ""
    asked = "--query-gpu=name,memory.total,driver_version"
    command = [program, asked, "--format=csv,noheader"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    if done.returncode != 0:
        return [], ""
    rows = [line.split(", ") for line in done.stdout.splitlines() if line.count(", ") == 2]
    return [f"{name} ({memory})" for name, memory, _ in rows], rows[0][2] if rows else ""


def _tensorrt() -> Check:
    _, driver = _cards()
    for module in ("tensorrt", "tensorrt_rtx"):
        if find_spec(module) is None:
            continue
        done = _in_child(f"import {module}; print({module}.__version__)")
        if done.error:
            advice = f"reinstall it, or uninstall {module}"
            return Check("TensorRT", WARNING, f"{module} cannot be imported: {done.error}", advice)
        runs = f"driver {driver}" if driver else "no NVIDIA driver: engines are built, not measured"
        return Check("TensorRT", OK, f"{module} {done.output}; {runs}")
    advice = "for engines: pip install tensorrt (with a GPU), else pip install -e '.[trt]'"
    return Check("TensorRT", WARNING, "not installed", advice)


def _disk(store: Path) -> Check:
    folder = store.resolve()
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    found = f"{size(free)} free in {folder}"
    if not os.access(folder, os.W_OK):
        return Check("disk", PROBLEM, f"{found}, which cannot be written", "give --out elsewhere")
    if free < TOO_LITTLE_DISK:
        return Check("disk", PROBLEM, found, "free some, or give --out on another disk")
    if free < LITTLE_DISK:
        advice = "a trial keeps up to three checkpoints: see automl run --dry-run for the size"
        return Check("disk", WARNING, found, advice)
    return Check("disk", OK, found)


def _ray(*, is_quick: bool) -> Check:
    advice = "use --runner local, one trial at a time in one process, until Ray starts"
    if is_quick:
        done = _in_child("import ray; print(ray.__version__)")
    else:
        done = _in_child(
            "import os, time; os.environ['RAY_USAGE_STATS_ENABLED'] = '0'; t = time.time()\n"
            "import ray; ray.init(include_dashboard=False, log_to_driver=False)\n"
            "ray.get(ray.remote(lambda: 1).remote())\n"
            "print(ray.__version__, f'{time.time() - t:.1f}'); ray.shutdown()"
        )
    if done.error:
        verb = "be imported" if is_quick else "start"
        return Check("Ray", PROBLEM, f"cannot {verb}: {done.error}", advice)
    if is_quick:
        return Check("Ray", OK, f"{done.output} can be imported; not started (--quick)")
    known, seconds = done.output.split()
    return Check("Ray", OK, f"{known} started and ran a task in {seconds} s")


def _mlflow(store: Path) -> Check:
    address = os.environ.get("MLFLOW_TRACKING_URI", "")
    if address.startswith(("http://", "https://")):
        return _mlflow_server(address)
    if address and not address.startswith("sqlite:///"):
        return Check("MLflow", WARNING, f"{redacted(address)} is not looked into")
    given = Path(address.removeprefix("sqlite:///")) if address else None
    database = given or ExperimentPaths(store / "any").tracking_database
    if not database.exists():
        return Check("MLflow", OK, f"no {database} yet; the first run makes it")
    return _mlflow_database(database)


def _mlflow_server(address: str) -> Check:
    shown = redacted(address)
    try:
        with urllib.request.urlopen(f"{address.rstrip('/')}/health", timeout=5) as answer:
            return Check("MLflow", OK, f"{shown} answers ({answer.status})")
    except (urllib.error.URLError, OSError, ValueError) as error:
        advice = "start the server, or unset MLFLOW_TRACKING_URI for a database of your own"
        return Check("MLflow", PROBLEM, f"{shown} does not answer ({error})", advice)


def _mlflow_database(database: Path) -> Check:
    try:
        with closing(sqlite3.connect(f"{database.resolve().as_uri()}?mode=rw", uri=True)) as store:
            [(schema,)] = store.execute("SELECT version_num FROM alembic_version").fetchall()
            store.execute("BEGIN IMMEDIATE")
            store.execute("CREATE TABLE automl_doctor (a)")
            store.rollback()
    except (sqlite3.Error, ValueError) as error:
        advice = f"move {database} aside: MLflow only mirrors the experiments' journals"
        return Check("MLflow", PROBLEM, f"{database} cannot be read and written ({error})", advice)
    found = f"{database} can be read and written, schema {schema}"
    newest = _mlflow_schema()
    if newest is None or schema == newest:
        return Check("MLflow", OK, found)
    advice = f"keep a copy, then: mlflow db upgrade sqlite:///{database.resolve()}"
    return Check("MLflow", PROBLEM, f"{found}, but this MLflow wants {newest}", advice)


def _mlflow_schema() -> str | None:
    """Return the revision that no other of the installed MLflow's migrations follows."""
    spec = find_spec("mlflow")
    if spec is None or not spec.submodule_search_locations:
        return None
    folder = Path(spec.submodule_search_locations[0]) / "store" / "db_migrations" / "versions"
    followed: dict[str, str | None] = {}
    for path in folder.glob("*.py"):
        text = path.read_text()
        found = re.search(r"^revision\s*=\s*['\"](\w+)", text, re.M)
        before = re.search(r"^down_revision\s*=\s*['\"](\w+)", text, re.M)
        if found:
            followed[found[1]] = before[1] if before else None
    heads = set(followed) - set(followed.values())
    return heads.pop() if len(heads) == 1 else None


def _skills() -> Iterator[Check]:
    listed = listed_skills()
    for skill in listed:
        name = f"skill {skill['skill']}"
        if skill["problem"]:
            yield Check(name, PROBLEM, skill["problem"], "install what it needs, or uninstall it")
            continue
        try:
            problems = check_folder(Path(skill["folder"])).problems
        except UsageError as error:
            yield Check(name, PROBLEM, str(error), f"automl skill generate {skill['skill']}")
            continue
        if problems or skill["route"]["is_fallback"]:
            status = PROBLEM if skill["route"]["is_fallback"] else WARNING
            advice = f"automl skill check {skill['skill']}"
            yield Check(name, status, f"{len(problems)} problems in its folder", advice)
        else:
            yield Check(name, OK, f"{skill['folder']}; {', '.join(skill['actions'])}")
    if not listed:
        yield Check("skills", WARNING, "none is installed", "give a folder: --skill DIR")


@dataclass(frozen=True)
class _Done:
    output: str
    error: str


def _in_child(code: str) -> _Done:
    """Run Python in a child; return the last line that it printed, or the one of its error."""
    try:
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", code],
            capture_output=True, text=True, timeout=_CHILD_TIMEOUT_S, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return _Done("", f"no answer within {_CHILD_TIMEOUT_S} s")
    if done.returncode != 0:
        return _Done("", _last(done.stderr) or f"the process ended with {done.returncode}")
    return _Done(_last(done.stdout), "")


def _last(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return redacted(lines[-1]) if lines else ""
