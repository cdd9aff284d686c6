"""The pages of README and docs as blocks, and a reader who runs them in order.

A block is a fence of bash or python. A comment before it makes it an exception:
`<!-- no-run: why -->`, or `<!-- exit: 2 -->` if the command must fail. A fence of text after
`<!-- shows -->` must occur in what the block before it printed; `...` stands for anything. Blocks
in tabs are indented.
"""

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent

from paths import ROOT

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
RUN = ("bash", "python")
BLOCK = re.compile(
    r"(?:^ *<!-- (?P<note>no-run|exit|shows)(?:: (?P<detail>[^\n]*?))? -->\n)?"
    r"^(?P<indent> *)```(?P<kind>\w*)[^\n]*\n(?P<code>.*?)^(?P=indent)```$",
    re.MULTILINE | re.DOTALL,
)


@dataclass(frozen=True)
class Block:
    """One fence of a page."""

    kind: str
    code: str
    note: str
    detail: str
    line: int

    @property
    def is_run(self) -> bool:
        return self.kind in RUN and self.note != "no-run"


def blocks(page: Path) -> list[Block]:
    """Return the fences of a page, in order."""
    text = page.read_text()
    return [
        Block(
            m["kind"],
            dedent(m["code"]),
            m["note"] or "",
            m["detail"] or "",
            text[: m.start()].count("\n"),
        )
        for m in BLOCK.finditer(text)
    ]


@dataclass(frozen=True)
class Reader:
    """Runs the blocks of a page in one folder."""

    folder: Path
    environment: dict[str, str]
    python: Path

    def read(self, name: str) -> None:
        """Run every block of the page, and compare what it says is shown."""
        printed = ""
        for block in blocks(ROOT / name):
            where = f"{name}, line {block.line}"
            if block.note == "shows":
                pattern = re.escape(block.code.strip()).replace(re.escape("..."), ".*?")
                assert re.search(pattern, printed, re.S), f"{where}: not shown, but:\n{printed}"
            elif block.is_run:
                printed = self._run(block, where)

    def _run(self, block: Block, where: str) -> str:
        shell = ["bash", "-euo", "pipefail", "-s"]
        done = subprocess.run(
            shell if block.kind == "bash" else [str(self.python)],
            input=block.code, cwd=self.folder, env=self.environment, text=True, timeout=300,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
        )  # fmt: skip
        expected = int(block.detail) if block.note == "exit" else 0
        assert done.returncode == expected, f"{where}: exit {done.returncode}\n{done.stdout}"
        assert "Traceback" not in done.stdout, f"{where}\n{done.stdout}"
        return done.stdout
