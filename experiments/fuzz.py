"""Hands random and mutated files and words to every reader, and looks for unclear answers.

    python -m experiments.fuzz --minutes 15 --seed 0 --out DIR

Each case runs in a process of its own with a limit of 10 seconds and of a gigabyte above what the
libraries take. A good answer is an exit code of 0 to 3, without a traceback. Prints a line for each
finding, whose input stays in DIR, and at the end a table of cases by kind.
"""

import argparse
import contextlib
import json
import os
import random
import resource
import shutil
import signal
import struct
import sys
import time
import traceback
import zlib
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests" / "toy"))
os.environ["PYTHONPATH"] = os.pathsep.join([str(ROOT), str(ROOT / "tests" / "toy")])

LIMIT_S = 10
LIMIT_MB = 1000
WORDS = [
    "run", "status", "resume", "report", "fsck", "job", "list", "data", "show", "check", "skill",
    "space", "preview", "--skill", "toy", "--data", "--out", "--trials", "--json", "--space",
    "--search", "--fix", "--objective", "--constraint", "--algorithm", "train.lr=0.1", "epochs=3",
    "--dry-run", "--time", "--request", "train it", "=", "a=b=c", "{}", "[", "\x00", "\udcff", "-1",
    "9" * 400, "x" * 5000, "../..", "/dev/null", "nan", "1e999", "--epochs", "--budget-epochs",
]  # fmt: skip
VALUES: list[Any] = [
    None, True, -1, 0, 2**70, 1e308, float("nan"), "", "x" * 5000, "\x1b[2J", [], [1], {}, {"a": 1},
    [[[]]], "train.lr", {"train": 5}, ["train.lr"], "choice(a,b)", "log(1e-5,1)", "???",
]  # fmt: skip
Case = tuple[list[str], list[Path]]


def mutated(draw: random.Random, content: bytes) -> bytes:
    """Return bytes with some of them changed, cut, doubled or exchanged."""
    data = bytearray(content)
    for _ in range(draw.randint(1, 6)):
        if not data:
            return bytes(draw.randbytes(20))
        place, size = draw.randrange(len(data)), draw.choice([1, 2, 4, 30, 400])
        way = draw.randrange(5)
        if way == 0:
            data[place] ^= 1 << draw.randrange(8)
        elif way == 1:
            del data[place : place + size]
        elif way == 2:
            data[place:place] = data[place : place + size]
        elif way == 3:
            data[place : place + size] = draw.randbytes(size)
        else:
            data[place : place + 4] = draw.choice([b"\xff" * 4, b"\0" * 4, b"\x7f\xff\xff\xff"])
    return bytes(data)


def changed(draw: random.Random, document: Any) -> Any:
    """Return a document of JSON with one of its values replaced or removed."""
    document = json.loads(json.dumps(document))
    place = document
    while isinstance(place, dict | list) and place:
        key = draw.choice(list(place)) if isinstance(place, dict) else draw.randrange(len(place))
        inner = place[key]
        if not isinstance(inner, dict | list) or not inner or draw.random() < 0.3:
            if draw.random() < 0.2:
                del place[key]
            else:
                place[key] = draw.choice(VALUES)
            break
        place = inner
    return document


def picture(draw: random.Random, suffix: str) -> bytes:
    """Return a PNG or TIFF whose header is right in form and wild in its numbers."""
    numbers = [0, 1, 2, 3, 8, 16, 255, 8192, 65535, 2**20, 2**31 - 1, 2**32 - 1]
    if suffix == ".png":
        size = [draw.choice(numbers) for _ in range(2)]
        rest = [draw.choice([0, 1, 2, 3, 4, 6, 8, 16]) for _ in range(5)]
        pixels = zlib.compress(bytes(draw.choice([10, 10_000, 1_000_000])))
        header = struct.pack(">II5B", *size, *rest)
        chunks = [(b"IHDR", header), (b"IDAT", pixels), (b"IEND", b"")]
        return b"\x89PNG\r\n\x1a\n" + b"".join(
            struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
            for kind, body in chunks
        )
    tags = draw.sample([256, 257, 258, 259, 262, 273, 277, 278, 279, 284, 317, 320, 338, 339], 9)
    entries = b"".join(
        struct.pack("<HHII", tag, draw.choice([1, 3, 4, 16]), draw.choice([1, 1, 1, 2**31]),
                    draw.choice(numbers)) for tag in sorted(tags)
    )  # fmt: skip
    following = draw.choice([0, 8, 2**32 - 1])
    return b"II*\0" + struct.pack("<IH", 8, len(tags)) + entries + struct.pack("<I", following)


class Fuzzer:
    """Makes cases out of a finished experiment, the toy skill and a small data set."""

    def __init__(self, out: Path, seed: int) -> None:
        self.draw = random.Random(seed)
        self.out = out
        self.room = out / "room"
        self.kinds: dict[str, Callable[[], Case]] = {
            "words": self.words,
            "schema": self.schema,
            "skill_info": self.skill_info,
            "overlay": self.overlay,
            "experiment file": self.experiment_file,
            "journal": self.journal,
            "settings": self.settings,
            "dataset.json": self.dataset,
            "status lines": self.status,
            "picture": self.picture,
        }

    def prepare(self) -> None:
        """Train the experiment and write the data set that cases begin from."""
        import numpy as np
        from PIL import Image

        from automl.cli import main

        shutil.rmtree(self.out, ignore_errors=True)
        self.room.mkdir(parents=True)
        (self.out / "toy_data").mkdir()
        words = ["run", "--skill", "toy", "--data", str(self.out / "toy_data"), "--quiet"]
        words += ["--out", str(self.out / "whole" / "exp"), "--runner", "local", "--trials", "3"]
        assert main([*words, "--epochs", "2", "--tracker", "none"]) == 0
        for kind, split, number in ((k, s, n) for k in ("images", "masks")
                                    for s in ("train", "val") for n in range(2)):  # fmt: skip
            folder = self.out / "data" / kind / split
            folder.mkdir(parents=True, exist_ok=True)
            shape = (16, 16, 3) if kind == "images" else (16, 16)
            pixels = np.random.default_rng(number).integers(0, 2, shape, dtype=np.uint8)
            Image.fromarray(pixels).save(folder / f"{number}.png")
        classes = [{"value": 0, "name": "a", "color": [0, 0, 0]}, {"value": 1, "name": "b"}]
        (self.out / "data" / "dataset.json").write_text(json.dumps({"classes": classes}))
        shutil.copytree(ROOT / "tests" / "logistic", self.out / "skill")

    def case(self, kind: str) -> Case:
        """Return the words of a command and the files that it is about."""
        shutil.rmtree(self.room)
        self.room.mkdir()
        return self.kinds[kind]()

    def words(self) -> Case:
        """Return random words of the command line."""
        return self.draw.choices(WORDS, k=self.draw.randint(1, 9)), []

    def schema(self) -> Case:
        """Return a skill whose schema is changed."""
        return self._skill("schemas/train.schema.json")

    def skill_info(self) -> Case:
        """Return a skill whose facts are changed."""
        return self._skill("references/skill_info.yaml")

    def _skill(self, name: str) -> Case:
        import yaml

        folder = shutil.copytree(self.out / "skill", self.room / "skill")
        path = folder / name
        if self.draw.random() < 0.3:
            path.write_bytes(mutated(self.draw, path.read_bytes()))
        else:
            document = yaml.safe_load(path.read_text())
            for _ in range(self.draw.randint(1, 3)):
                document = changed(self.draw, document)
            path.write_text(json.dumps(document))
        data = ["--data", str(self.out / "toy_data"), "--dry-run", "--runner", "local"]
        words = ["run", "--skill", str(folder), *data]
        others = [["skill", "check", str(folder)], ["skill", "show", str(folder)]]
        return self.draw.choice([words, words, *others]), [path]

    def overlay(self) -> Case:
        """Return a changed overlay."""
        overlay = {
            "description": "a few",
            "drop": ["train.flip.p"],
            "parameters": {
                "train.lr": {"low": 1e-4, "high": 0.1, "log": True, "prior": 1e-3},
                "train.width": {"choices": [4, 8, 16], "weights": [2, 1, 1], "prior": 8},
                "train.flip.enable": {"fixed": True},
            },
        }
        return self._file("overlay.yaml", overlay, "--space")

    def experiment_file(self) -> Case:
        """Return a changed experiment file."""
        content = {"skill": "toy", "data": str(self.out / "toy_data"), "trials": 3, "epochs": 2,
                   "search": {"train.lr": "log(1e-4,1)"}, "spec": {"train.width": 3}}  # fmt: skip
        return self._file("file.yaml", content)

    def _file(self, name: str, content: object, *flag: str) -> Case:
        path = self.room / name
        for _ in range(self.draw.randint(1, 3)):
            content = changed(self.draw, content)
        path.write_text(json.dumps(content))
        if self.draw.random() < 0.3:
            path.write_bytes(mutated(self.draw, path.read_bytes()))
        words = ["run", *flag, str(path), "--skill", "toy", "--data", str(self.out / "toy_data")]
        return [*words, "--dry-run"], [path]

    def journal(self) -> Case:
        """Return an experiment whose journal is changed."""
        root = self._experiment()
        path = root / "journal.jsonl"
        if self.draw.random() < 0.4:
            path.write_bytes(mutated(self.draw, path.read_bytes()))
        else:  # As an older version wrote it: only the shape can be checked.
            events = [json.loads(line) for line in path.read_text().splitlines()]
            plain = [{k: v for k, v in e.items() if k not in ("crc", "format")} for e in events]
            for _ in range(self.draw.randint(1, 3)):
                place = self.draw.randrange(len(plain))
                plain[place] = changed(self.draw, plain[place])
            path.write_text("".join(json.dumps(event) + "\n" for event in plain))
        return [self.draw.choice(["status", "fsck", "importance", "report"]), str(root)], [path]

    def settings(self) -> Case:
        """Return an experiment of which another file is changed."""
        root = self._experiment()
        path = root / self.draw.choice(
            ["settings.yaml", "space.yaml", "importance.json", "best.json"]
        )
        if path.exists():
            path.write_bytes(mutated(self.draw, path.read_bytes()))
        words = [self.draw.choice(["status", "fsck", "report"]), str(root)]
        return ["fsck", "--accept", str(root)] if self.draw.random() < 0.3 else words, [path]

    def _experiment(self) -> Path:
        return shutil.copytree(self.out / "whole" / "exp", self.room / "exp")

    def dataset(self) -> Case:
        """Return a data set whose description is changed."""
        folder = shutil.copytree(self.out / "data", self.room / "data")
        path = folder / "dataset.json"
        path.write_text(json.dumps(changed(self.draw, json.loads(path.read_text()))))
        if self.draw.random() < 0.3:
            path.write_bytes(mutated(self.draw, path.read_bytes()))
        return ["data", "show", str(folder), "--skill", "segformer"], [path]

    def status(self) -> Case:
        """Return changed lines of a training's status."""
        path = self.room / "status.json"
        lines = [{"epoch": n, "max_epoch": 3, "kpi": {"score": 0.5}} for n in range(1, 4)]
        path.write_text("".join(json.dumps(changed(self.draw, line)) + "\n" for line in lines))
        if self.draw.random() < 0.5:
            path.write_bytes(mutated(self.draw, path.read_bytes()))
        return ["", str(path)], [path]

    def picture(self) -> Case:
        """Return a data set with a changed picture."""
        folder = shutil.copytree(self.out / "data", self.room / "data")
        kind, suffix = self.draw.choice(["images", "masks"]), self.draw.choice([".png", ".tif"])
        path = folder / kind / "train" / "0.png"
        content = picture(self.draw, suffix)
        if self.draw.random() < 0.3:
            content = mutated(self.draw, path.read_bytes())
        path.unlink()
        path = path.with_suffix(suffix)
        path.write_bytes(content)
        return ["data", "show", str(folder), "--skill", "segformer"], [path]


def answer(words: list[str], log: Path) -> tuple[str, int]:
    """Run a case in a fork; return what is wrong with its answer, and its peak memory in MB."""
    pid = os.fork()
    if not pid:
        _run(words, log)
    deadline = time.monotonic() + LIMIT_S
    while time.monotonic() < deadline:
        ended, status, usage = os.wait4(pid, os.WNOHANG)
        if ended:
            peak = usage.ru_maxrss // 1024
            text = log.read_text(errors="replace")
            code = os.waitstatus_to_exitcode(status)
            if "Traceback (most recent call last)" in text or code not in range(4):
                last = [line for line in text.splitlines() if line.strip()]
                return f"exit {code}: {last[-1][:160] if last else ''}", peak
            return "", peak
        time.sleep(0.01)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    return f"over {LIMIT_S} s", 0


def _run(words: list[str], log: Path) -> None:
    code = 70
    os.setsid()
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.chdir(log.parent)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 28, 1 << 28))
    try:
        code = _status_lines(Path(words[1])) if words[:1] == [""] else _command(words)
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    except BaseException:
        traceback.print_exc()
    with contextlib.suppress(Exception):
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(code)


def _command(words: list[str]) -> int:
    from automl.cli import main

    return main(words)


def _status_lines(path: Path) -> int:
    from automl.skill.command.report_files import ReportReader, ReportSource
    from automl.trial.objective import ReportError

    reader = ReportReader(path.parent, ReportSource((path.name,)), ("score",))
    with contextlib.suppress(ReportError):  # It fails the trial, with this line.
        for epoch, metrics in reader.new():
            assert isinstance(epoch, int), epoch
            assert all(isinstance(value, float) for value in metrics.values()), metrics
    return 0


def main() -> None:
    """Run cases of every kind in turn until the time is up."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--minutes", type=float, default=15)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--only", help="one kind")
    words = parser.parse_args()
    fuzzer = Fuzzer(words.out.resolve(), words.seed)
    fuzzer.prepare()
    for name in ("segformer.skill", "segformer.data.check", "automl.plan.dry_run",
                 "automl.report", "automl.session.fsck", "optuna"):  # fmt: skip
        __import__(name)
    base = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    cases: Counter[str] = Counter()
    findings: Counter[tuple[str, str]] = Counter()
    most, end = 0, time.monotonic() + 60 * words.minutes
    while time.monotonic() < end:
        for kind in [words.only] if words.only else fuzzer.kinds:
            command, files = fuzzer.case(kind)
            fault, peak = answer(command, fuzzer.out / "log.txt")
            fault = fault or (f"{peak - base} MB" if peak - base > LIMIT_MB else "")
            cases[kind] += 1
            most = max(most, peak - base)
            if fault:
                findings[kind, fault[:60]] += 1
                if findings[kind, fault[:60]] == 1:
                    kept = fuzzer.out / f"finding-{len(findings)}"
                    shutil.copytree(fuzzer.room, kept)
                    shutil.copy(fuzzer.out / "log.txt", kept / "log.txt")
                    shown = " ".join(ascii(word)[1:-1][:60] for word in command)
                    print(f"{kind} | {fault} | {shown} | {kept}", flush=True)
    print(json.dumps({"cases": cases, "in_all": cases.total(), "findings": findings.total(),
                      "most_mb_above_libraries": most}))  # fmt: skip


if __name__ == "__main__":
    main()
