"""Writes the pages of the reference from the code, as a hook of MkDocs, at each build."""

import argparse
import inspect
import re
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File

import automl
from automl.cli import parser as automl_parser
from automl.request.options import RUN_OPTIONS
from automl.request.space import SpaceRequest, space_of_skill
from automl.request.template import experiment_template
from automl.skill.installed import load_skill
from automl.space.describe import rows
from automl.trial.trial import Trial
from segformer.cli import parser as segformer_parser
from segformer.describe.field_list import FieldRow, field_rows

SKILL = "segformer"
ROOT = Path(__file__).parent.parent
OVERLAYS = ROOT / "search_spaces" / SKILL


def on_files(files: Any, config: Any) -> Any:
    """Add the generated pages to those of docs/."""
    for name, page in PAGES.items():
        text = "\n".join(page()) + "\n"
        files.append(File.generated(config, f"reference/{name}.md", content=text))
    return files


def command_line() -> Iterator[str]:
    """Yield the page of all commands and flags."""
    yield "# Command line\n"
    yield "[Exit codes](../running.md#resuming) are the same for all commands."
    yield from _commands(automl_parser())
    yield from _commands(segformer_parser())


def experiment_files() -> Iterator[str]:
    """Yield the page of the keys."""
    yield "# Experiment files\n"
    yield "`automl run FILE.yaml [--flag VALUE] [key=value]`. Every flag is a key, and a keyword of"
    yield "`automl.run`. A flag or `key=value` wins over the file, the file over the skill's"
    yield "defaults, whichever name is used: `epochs`, `train.num_epochs`, `num_epochs` and TAO's"
    yield "`automl_max_epochs` are one setting. Lists are replaced, mappings are merged key by key."
    yield "Unknown keys are refused.\n"
    yield from _table(
        ("key", "flag", "takes", "default", "what"),
        [
            (f"`{k.name}`", f"`{k.flag or 'key.sub=value'}`", k.kind, k.default or "", k.help)
            for k in RUN_OPTIONS.values()
        ],
    )
    yield "\n## What `automl init` writes\n"
    yield from ("```yaml", experiment_template(SKILL).rstrip(), "```")


def spec() -> Iterator[str]:
    """Yield the page of all fields, as `segformer fields` lists them."""
    yield "# Spec of SegFormer\n"
    yield "As `segformer fields` prints it. A field's key is the heading, a dot and its name:"
    yield "`train.optim.lr`. Fields of TAO's that are not built are refused by name."
    found = field_rows()
    sections: dict[str, list[FieldRow]] = {}
    for row in (row for row in found if row.status == "effective"):
        sections.setdefault(row.key.rpartition(".")[0] or "general", []).append(row)
    for section, fields in sections.items():
        yield f"\n## {section}\n"
        head = ("field", "type", "default", "allowed", "effect")
        yield from _table(head, [_field(row) for row in fields])
    refused = [row for row in found if row.status == "refused"]
    if refused:
        yield "\n## GateError\n"
        yield from _table(("field", "message"), [(f"`{r.key}`", r.text) for r in refused])


def search_spaces() -> Iterator[str]:
    """Yield the page of the spaces, as `automl skill show` lists them."""
    yield "# Search spaces\n"
    yield f"As `automl skill show {SKILL}` lists them, without an overlay and with each of"
    yield "`search_spaces/`. [Overlays](overlays.md) says how to write one."
    yield "\n## Without an overlay\n"
    yield from _space(SpaceRequest())
    for path in sorted(OVERLAYS.glob("*.yaml")):
        yield f"\n## --space {path.stem}\n"
        yield from _space(SpaceRequest(overlay=path.stem))


def overlays() -> Iterator[str]:
    """Yield the page on the format of overlays."""
    yield (OVERLAYS.parent / "README.md").read_text()


def changelog() -> Iterator[str]:
    """Yield the changelog."""
    yield (ROOT / "CHANGELOG.md").read_text()


def deployment() -> Iterator[str]:
    """Yield the skill's own page on TensorRT."""
    yield (load_skill(SKILL).folder / "references" / f"tao-deploy-{SKILL}.md").read_text()


def python() -> Iterator[str]:
    """Yield the page of the Python API, from its signatures and docstrings."""
    yield "# Python\n"
    yield f"{inspect.getdoc(automl)}\n"
    yield "## automl.run\n"
    yield from ("```text", f"automl.run{_signature(automl.run)}", "```", "")
    yield f"{inspect.getdoc(automl.run)}\n"
    yield "The keywords are the keys of [experiment files](experiment-files.md).\n"
    yield "## automl.Experiment\n"
    yield f"{inspect.getdoc(automl.Experiment)}\n"
    yield from _table(("member", "what"), _members(automl.Experiment))
    yield "\n## A trial\n"
    yield f"{inspect.getdoc(Trial)}\n"
    fields = [(f"`{name}`", "") for name in Trial.__dataclass_fields__]
    methods = dict(_members(Trial))
    yield from _table(("member", "what"), [*fields, *methods.items()])
    yield "\n## Errors\n"
    errors = (automl.AutomlError, automl.UsageError, automl.RunFailed, automl.Stopped)
    yield from _table(
        ("error", "exit code of the command", "what"),
        [(f"`automl.{e.__name__}`", str(e.exit_code), inspect.getdoc(e) or "") for e in errors],
    )


PAGES = {
    "command-line": command_line,
    "experiment-files": experiment_files,
    "spec": spec,
    "search-spaces": search_spaces,
    "overlays": overlays,
    "changelog": changelog,
    "deployment": deployment,
    "python": python,
}


def _commands(parser: argparse.ArgumentParser) -> Iterator[str]:
    """Yield a section for each command that has no commands of its own."""
    below = [a for a in parser._actions if isinstance(a, argparse._SubParsersAction)]
    for action in below:
        for child in action.choices.values():
            yield from _commands(child)
    if below:
        return
    yield f"\n## {parser.prog}\n"
    yield f"{parser.description}\n"
    shown = [a for a in parser._actions if a.help != argparse.SUPPRESS and a.dest != "help"]
    yield from _table(("argument", "what"), [(f"`{_name(a)}`", a.help or "") for a in shown])


def _name(action: argparse.Action) -> str:
    metavar = action.metavar or action.dest.upper()
    if not action.option_strings:
        return str(action.metavar or action.dest)
    value = "" if action.nargs == 0 else f" {metavar}"
    return ", ".join(action.option_strings) + value


def _field(row: FieldRow) -> tuple[str, ...]:
    allowed = " ".join([row.bounds, ", ".join(str(c) or "''" for c in row.choices)]).strip()
    text = row.text + (f" (default: {row.difference})" if row.difference else "")
    return f"`{row.key.rpartition('.')[2]}`", row.type, f"`{row.default!r}`", allowed, text


def _space(flags: SpaceRequest) -> Iterator[str]:
    _, schema, space, _ = space_of_skill(SKILL, flags)
    yield from _table(
        ("parameter", "type", "values", "default", "active when"),
        [
            (
                f"`{row['key']}`",
                row["type"],
                _values(row),
                f"`{row['default']!r}`",
                " or ".join(map(_switches, row["active_when"] or ())),
            )
            for row in rows(space, schema)
        ],
    )


def _values(row: dict[str, Any]) -> str:
    if row["choices"]:
        return ", ".join(map(str, row["choices"]))
    return f"{row['low']} to {row['high']}, {row['scale']} scale"


def _switches(alternative: dict[str, Any]) -> str:
    """Return what switches a parameter on, keys by their last two names."""
    return " and ".join(
        f"{'.'.join(key.split('.')[-2:])} "
        + (f"is not {wanted['not']!r}" if isinstance(wanted, dict) else f"= {wanted}")
        for key, wanted in alternative.items()
    )


def _members(owner: type) -> list[tuple[str, str]]:
    """Return the public methods and properties of a class with the first line of their texts."""
    found = []
    for name, member in inspect.getmembers(owner):
        is_property = isinstance(member, property | cached_property)
        function = member
        if isinstance(member, property | cached_property):
            function = member.fget if isinstance(member, property) else member.func
        if name.startswith("_") or not (inspect.isroutine(function) and function.__doc__):
            continue
        call = "" if is_property else "()"
        found.append((f"`{name}{call}`", (inspect.getdoc(function) or "").partition("\n\n")[0]))
    return found


def _signature(function: Any) -> str:
    signature = inspect.signature(function)
    inner = ",\n".join(f"    {parameter}" for parameter in signature.parameters.values())
    text = f"(\n{inner}\n) -> {signature.return_annotation.__name__}"
    return re.sub(r"\b(pathlib|typing|collections\.abc)\.", "", text)


def _table(head: tuple[str, ...], body: Sequence[tuple[str, ...]]) -> Iterator[str]:
    yield from _head(head)
    yield from map(_row, body)


def _head(names: tuple[str, ...]) -> Iterator[str]:
    yield _row(names)
    yield _row(("---",) * len(names))


def _row(cells: tuple[str, ...]) -> str:
    """Return a row; what Markdown would take for markup outside code is escaped."""
    return "| " + " | ".join(map(_cell, cells)) + " |"


def _cell(text: str) -> str:
    text = " ".join(str(text).split())
    if text.startswith("`"):
        return text
    return text.replace("|", "\\|").replace("<", "&lt;").replace("*", "\\*")
