"""The pages of README and docs as blocks, and a reader who runs them in order.

A block is a fence of bash or python. A comment before it makes it an exception:
`<!-- no-run: why -->`, or `<!-- exit: 2 -->` if the command must fail. After `<!-- serves -->` each
line is a command that serves a page until Ctrl-C; the block after `<!-- during: FOLDER -->` is run
while a search trains in that folder. A fence of text after `<!-- shows -->` must occur in what the
block before it printed; `...` stands for anything. Blocks in tabs are indented.
"""

import json
import re
import shlex
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent
from urllib.request import HTTPCookieProcessor, build_opener

import warm
from paths import ROOT

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
RUN = ("bash", "python")
BLOCK = re.compile(
    r"(?:^ *<!-- (?P<note>no-run|exit|shows|serves|during)(?:: (?P<detail>[^\n]*?))? -->\n)?"
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
    automl: Path
    """The command as it is: those in PATH have their budgets cut."""

    def read(self, name: str) -> None:
        """Run every block of the page, and compare what it says is shown."""
        printed = ""
        for block in blocks(ROOT / name):
            where = f"{name}, line {block.line}"
            if block.note == "shows":
                pattern = re.escape(block.code.strip()).replace(re.escape("..."), ".*?")
                assert re.search(pattern, printed, re.S), f"{where}: not shown, but:\n{printed}"
            elif block.note == "serves":
                for command in block.code.splitlines():
                    self._open(command, where)
            elif block.note == "during":
                with self._searching(block.detail):
                    printed = self._run(block, where)
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

    def _open(self, command: str, where: str) -> None:
        """Start a command that serves, open the page that it prints, and press Ctrl-C."""
        words = shlex.split(command, comments=True)
        server = subprocess.Popen(
            [self.automl.with_name(words[0]), *words[1:]], cwd=self.folder, env=self.environment,
            text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        try:
            assert server.stdout is not None
            printed = server.stdout.readline()
            address = re.search(r"http://\S+", printed)
            assert address, f"{where}: {command}: no address, but:\n{printed}"
            with build_opener(HTTPCookieProcessor).open(address.group(), timeout=60) as page:
                assert page.status == 200 and b"</html>" in page.read(), f"{where}: {command}"
            server.send_signal(signal.SIGINT)
            rest, _ = server.communicate(timeout=60)
            assert (server.returncode, rest) == (0, ""), f"{where}: {command}: {rest}"
        finally:
            server.kill()
            server.wait()

    @contextmanager
    def _searching(self, folder: str) -> Iterator[None]:
        """Search in a folder until what was asked of the search has been carried out."""
        search = subprocess.Popen(
            [self.automl, "run", "--skill", "segformer", "--data", "my_data", "--out", folder,
             *warm.LONG], cwd=self.folder, env=self.environment, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            self._until(search, folder, {"event": "start", "trial": 1})
            yield
            self._until(search, folder, {"event": "stop_requested", "trial": 1})
            self._until(search, folder, {"event": "start", "reason": "added by hand"})
        finally:
            stop = [self.automl, "stop", folder]
            subprocess.run(stop, cwd=self.folder, env=self.environment, capture_output=True)
            search.wait(timeout=60)

    def _until(
        self, search: subprocess.Popen[bytes], folder: str, wanted: dict[str, object]
    ) -> None:
        """Wait until the journal of a search has an event with these fields."""
        deadline = time.monotonic() + 240
        while time.monotonic() < deadline:
            with suppress(FileNotFoundError):
                lines = (self.folder / folder / "journal.jsonl").read_bytes().split(b"\n")[:-1]
                if any(wanted.items() <= json.loads(line).items() for line in lines):
                    return
            assert search.poll() is None, f"the search of {folder} ended without {wanted}"
            time.sleep(0.2)
        raise AssertionError(f"{folder}: {wanted} did not come")
