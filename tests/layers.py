"""Draws which module imports which, and which are loaded at the top: the layers of design.md."""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent

AUTOML = [
    ["__main__"],
    ["cli", "__init__"],
    ["api"],
    ["doctor", "dry_run", "session", "progress", "ui"],
    ["follow", "screen", "request_from_keys"],
    [
        "controller",
        "predict",
        "reproduce",
        "promote",
        "report",
        "request",
        "precedence",
        "searching",
    ],
    [
        "card",
        "gates",
        "jobs",
        "preparation",
        "confirmation",
        "warm_start",
        "importance",
        "estimate",
    ],
    ["search_flags", "runners"],
    ["search", "tracking"],
    ["story"],
    ["pace"],
    ["experiment", "experiment_file", "experiment_template"],
    ["ledger", "store", "settings"],
    ["skill_space"],
    ["skill_check", "space_flags", "space_report"],
    ["space_build", "overlay"],
    ["overlay_tao", "space_ranges"],
    ["overlay_entry"],
    ["space"],
    ["relatives"],
    ["parameter", "narrowing"],
    ["domain", "policy"],
    ["skill"],
    ["said", "schema"],
    ["spec"],
    ["schema_check", "schema_node"],
    ["schema_field"],
    ["conditions"],
    ["trial", "budget"],
    ["objective", "pareto", "phrases", "environment", "ranks", "redact", "signals", "view"],
    ["yaml_file"],
    ["drawn", "errors", "keys"],
]
SEGFORMER = [
    ["__main__"],
    ["cli", "process"],
    ["skill", "loaded"],
    ["deploy"],
    ["training"],
    ["evaluation"],
    ["parallel"],
    ["model", "data", "action"],
    ["deploy_reference"],
    ["skill_info", "field_list"],
    ["schema"],
    ["spec"],
    ["spec_rules"],
    ["spec_dataset", "spec_model", "spec_train", "spec_wandb", "spec_actions", "spec_deploy"],
    ["spec_devices"],
    ["spec_augmentation", "spec_faults"],
    ["fields", "tao_fields", "evidence", "overrides", "atomic", "sealed", "backbones", "locations"],
    ["errors", "result", "secret", "__init__"],
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
