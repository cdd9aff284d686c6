"""Draws which folder imports which, and which are loaded at the top: the levels of the house."""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]

# Files of a folder's level or above are never imported: docs/structure.md shows the same picture.
AUTOML = [
    ["__main__", "__init__"],
    ["cli", "api"],
    ["session", "plan"],
    ["request", "promotion"],
    ["search", "runners", "jobs", "tracking", "progress", "report", "doctor"],
    ["skill", "experiment"],
    ["space"],
    ["trial", "schema", "redact", "files"],
    ["errors", "formats", "version"],
]
SEGFORMER = [
    ["__main__", "__init__"],
    ["cli", "engine"],
    ["skill", "quantization"],
    ["training", "export", "api"],
    ["evaluation"],
    ["parallel"],
    ["model", "data", "describe", "action"],
    ["spec"],
    ["storage"],
    ["errors", "result"],
]


def parts_imported(package: str) -> Iterator[tuple[str, str, bool]]:
    """Yield (part, imported part, at the top level of the module) within a package."""
    for path in sorted((ROOT / package).rglob("*.py")):
        part = path.relative_to(ROOT / package).parts[0].removesuffix(".py")
        tree = ast.parse(path.read_text())
        top = set(_runtime(tree.body))
        for node in ast.walk(tree):
            for name in _names(node):
                owner, _, rest = name.partition(".")
                if owner == package and rest.split(".")[0] not in ("", "__version__", part):
                    yield part, rest.split(".")[0], node in top


def _runtime(body: list[ast.stmt]) -> Iterator[ast.AST]:
    for node in body:
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        yield node


def _names(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom) and node.module and not node.level:
        return [f"{node.module}.{alias.name}" for alias in node.names]
    return []
