"""Whether the libraries that our own package asks for are there and new enough."""

import re
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, entry_points, requires, version

from automl.doctor.check import OK, PROBLEM, Check


def installed() -> Iterator[Check]:
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
