"""Checks whether this machine can do what the commands need, and advises if it cannot."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from automl.doctor import libraries, machine
from automl.doctor import mlflow as store
from automl.doctor.check import OK, PROBLEM, WARNING, Check
from automl.errors import UsageError
from automl.skill.check import check_folder
from automl.skill.route import listed_skills

__all__ = ["OK", "PROBLEM", "WARNING", "Check", "checks"]


def checks(folder: Path, *, is_quick: bool = False) -> Iterator[Check]:
    """Make all checks in parallel; yield each as soon as those before it are known, Ray's last.

    Args:
        folder: The folder of the experiments.
        is_quick: Whether Ray is only imported and not started.
    """
    every: list[Callable[[], list[Check]]] = [
        lambda: [machine.python()],
        lambda: list(libraries.installed()),
        lambda: [machine.processor()],
        lambda: [machine.gpu()],
        lambda: [machine.tensorrt()],
        lambda: [machine.disk(folder)],
        lambda: [store.mlflow(folder)],
        lambda: list(_skills()),
        lambda: [machine.ray(is_quick=is_quick)],
    ]
    with ThreadPoolExecutor(len(every)) as pool:
        made = [pool.submit(check) for check in every]
        for one in made:
            yield from one.result()


def _skills() -> Iterator[Check]:
    listed = listed_skills()
    for skill in listed:
        name = f"skill {skill['skill']}"
        if skill["problem"]:
            yield Check(
                name, PROBLEM, skill["problem"], "install its requirements, or uninstall it"
            )
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
