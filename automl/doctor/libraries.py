"""Whether the libraries that our own package requires are installed and new enough."""

from collections.abc import Iterator, Sequence
from importlib.metadata import PackageNotFoundError, entry_points, requires, version

from packaging.requirements import Requirement

from automl.doctor.check import OK, PROBLEM, Check
from automl.version import install_command


def installed() -> Iterator[Check]:
    """Yield one check for each extra that `all` includes, and one for the other extras."""
    point = next(iter(entry_points(group="console_scripts", name="automl")), None)
    if point is None or point.dist is None:
        yield Check("libraries", PROBLEM, "automl itself is not installed", install_command("all"))
        return
    name = point.dist.name
    yield from checks_of(name, [Requirement(text) for text in requires(name) or []])


def checks_of(package: str, requirements: Sequence[Requirement]) -> Iterator[Check]:
    """Yield the checks of a package's requirements, those without an extra first."""
    extras = sorted({extra for each in requirements if (extra := extra_of(each))})
    included = {
        inner
        for each in requirements
        if each.name == package and extra_of(each) == "all"
        for inner in each.extras
    }
    by_extra = {
        extra: [each for each in requirements if each.name != package and extra_of(each) == extra]
        for extra in ("", *extras)
    }
    for extra in ("", *extras):
        if by_extra[extra] and (not extra or extra in included):
            yield required(extra, by_extra[extra])
    others = [
        _optional(extra, by_extra[extra])
        for extra in extras
        if by_extra[extra] and extra not in included
    ]
    yield Check("extras", OK, "; ".join(others))


def extra_of(requirement: Requirement) -> str:
    """Return the extra that a requirement belongs to, an empty text if it always applies."""
    marker = requirement.marker
    if marker is None or marker.evaluate({"extra": ""}):
        return ""
    names = [part.strip("'\"") for part in str(marker).split() if part[0] in "'\""]
    return next((name for name in names if marker.evaluate({"extra": name})), "")


def required(extra: str, requirements: Sequence[Requirement]) -> Check:
    """Return the check of libraries that must be installed."""
    faults, versions = [], []
    for requirement in requirements:
        found = _version(requirement.name)
        versions.append(f"{requirement.name} {found or 'missing'}")
        if found is None:
            faults.append(f"{requirement.name} is missing")
        elif not requirement.specifier.contains(found, prereleases=True):
            faults.append(f"{requirement.name} {found} is not {requirement.specifier}")
    label = f"libraries ({extra})" if extra else "libraries"
    if not faults:
        return Check(label, OK, ", ".join(versions))
    return Check(label, PROBLEM, ", ".join(faults), install_command("all"))


def _optional(extra: str, requirements: Sequence[Requirement]) -> str:
    versions = {each.name: _version(each.name) for each in requirements}
    if all(versions.values()):
        return f"{extra}: {', '.join(f'{name} {found}' for name, found in versions.items())}"
    return f"{extra}: not installed"


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
