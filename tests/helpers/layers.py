"""The order of the folders, and the imports found in the code: which part imports which."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

ROOT = Path(__file__).parents[2]

# A part imports only from the lines below its own. docs/structure.md draws the same picture.
AUTOML = [
    ["__main__", "__init__"],
    ["cli", "api"],
    ["session", "plan", "mcp"],
    ["request", "promotion", "doctor", "serving", "live"],
    ["search", "runners", "jobs", "tracking", "progress", "report"],
    ["skill", "experiment"],
    ["space"],
    ["trial", "schema", "machine", "redact", "files"],
    ["errors", "formats", "version"],
]
SEGFORMER = [
    ["__main__", "__init__"],
    ["cli", "engine"],
    ["skill", "quantization"],
    ["training", "export", "refinement", "suspects", "api"],
    ["evaluation"],
    ["parallel"],
    ["model", "data", "describe", "action"],
    ["spec"],
    ["storage"],
    ["errors", "result"],
]
LEVELS = {"automl": AUTOML, "segformer": SEGFORMER}


@dataclass(frozen=True)
class Import:
    """One import of a module of a package by another."""

    source: str
    """Dotted name of the importing module."""
    target: str
    """Dotted name of the imported module."""
    at_top: bool
    """Whether it runs when the module is loaded, not inside a function."""


def part_of(module: str) -> str:
    """Return the part of its package that a module belongs to: a folder or a single file."""
    _, _, rest = module.partition(".")
    return rest.split(".")[0] or "__init__"


def parts(package: str) -> set[str]:
    """Return the folders and files at the top of a package."""
    return {part_of(module) for module in _modules(package)}


def imports(package: str) -> list[Import]:
    """Return every import within a package."""
    modules = _modules(package)
    return [
        Import(source, target, at_top)
        for source, path in modules.items()
        for target, at_top in _targets(path, modules)
        if target != source
    ]


def imports_between_parts(package: str) -> list[Import]:
    """Return the imports that cross from one part of a package to another."""
    return [i for i in imports(package) if part_of(i.source) != part_of(i.target)]


def ring(package: str) -> list[str]:
    """Return the modules of a ring of imports, or nothing."""
    graph: dict[str, set[str]] = {}
    for each in imports(package):
        graph.setdefault(each.source, set()).add(each.target)
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def _modules(package: str) -> dict[str, Path]:
    """Return the files of a package by the dotted names of their modules."""
    found = {}
    for path in sorted((ROOT / package).rglob("*.py")):
        names = path.relative_to(ROOT).with_suffix("").parts
        found[".".join(names[:-1] if names[-1] == "__init__" else names)] = path
    return found


def _targets(path: Path, modules: dict[str, Path]) -> Iterator[tuple[str, bool]]:
    tree = ast.parse(path.read_text())
    top = set(_run_when_loaded(tree.body))
    for node in ast.walk(tree):
        for name in _names(node):
            # `from a.b import c` names the module a.b.c, or something in the module a.b.
            target = name if name in modules else name.rpartition(".")[0]
            if target in modules:
                yield target, node in top


def _run_when_loaded(body: list[ast.stmt]) -> Iterator[ast.AST]:
    for node in body:
        if isinstance(node, ast.With):
            yield from _run_when_loaded(node.body)
        elif not (isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)):
            yield node


def _names(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom) and node.module and not node.level:
        return [f"{node.module}.{alias.name}" for alias in node.names]
    return []
