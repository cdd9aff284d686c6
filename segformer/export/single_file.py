"""Joins modules to a program in one file, which needs none of this package."""

import ast
from collections.abc import Iterator
from pathlib import Path

_PACKAGE = "segformer"
_ROOT = Path(__file__).parents[1]


def single_file(program: Path) -> str:
    """Return a program with the modules of this package that it imports, in place of the imports.

    Those modules may import none of this package themselves.
    """
    text = program.read_text(encoding="utf-8")
    head, own = _parts(text)
    modules = list(dict.fromkeys(_own_modules(text)))
    texts = [(_ROOT / f"{name}.py").read_text(encoding="utf-8") for name in modules]
    parts = [_parts(each) for each in texts]
    imports = _joined([head, *(each for each, _ in parts)])
    return "\n\n".join([_docstring(text), imports, *(body for _, body in parts), own])


def _own_modules(text: str) -> Iterator[str]:
    for node in ast.parse(text).body:
        if _is_own(node):
            assert isinstance(node, ast.ImportFrom) and node.module
            yield node.module.removeprefix(f"{_PACKAGE}.").replace(".", "/")


def _is_own(node: ast.stmt) -> bool:
    return isinstance(node, ast.ImportFrom) and str(node.module).startswith(f"{_PACKAGE}.")


def _docstring(text: str) -> str:
    first = ast.parse(text).body[0]
    return "\n".join(text.splitlines()[: first.end_lineno])


def _parts(text: str) -> tuple[list[ast.stmt], str]:
    """Return the imports of other packages, and all lines below the imports."""
    body = ast.parse(text).body
    imports = [node for node in body if isinstance(node, ast.Import | ast.ImportFrom)]
    last = max(node.end_lineno or 0 for node in imports)
    rest = "\n".join(text.splitlines()[last:]).strip("\n")
    return [node for node in imports if not _is_own(node)], rest + "\n"


def _joined(imports: list[list[ast.stmt]]) -> str:
    """Return the imports of several modules, each name once."""
    names: dict[str, set[str]] = {}
    plain = set()
    for node in (each for part in imports for each in part):
        if isinstance(node, ast.ImportFrom):
            names.setdefault(str(node.module), set()).update(map(ast.unparse, node.names))
        else:
            plain.add(ast.unparse(node))
    lines = [f"from {module} import {', '.join(sorted(own))}" for module, own in names.items()]
    return "\n".join([*sorted(plain), *sorted(lines)])
