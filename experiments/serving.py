"""Throughput and times of `automl serve` beside a bare loop of ONNX Runtime over the same pictures.

    python -m experiments.serving --clients 1 4 16
    python -m experiments.serving --model runs/search/promoted/model.onnx --picture photo.jpg

The bare loop is infer.py in one process: decode, segment, encode the mask as PNG. The service does
the same for clients that post pictures over connections that stay open. Both take turns, so that
other load on the machine falls on both, and both run ONNX Runtime on all cores. Processor time is
compared, too, since other load changes the wall clock; that of the clients does not count. Without
--model a network with random weights is exported. Exit code 1: the service does less than 90 % of
the loop, by the wall clock and by processor time.
"""

import argparse
import http.client
import io
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from segformer.export.infer import Model, read_image
from segformer.export.onnx import write_onnx
from segformer.model.saved import ModelRecord
from segformer.model.segformer import build
from segformer.spec import parse
from segformer.spec.overrides import nested

WANTED = 0.9


@dataclass(frozen=True)
class Turn:
    """Pictures of one turn: wall-clock and processor seconds, and the seconds of each picture."""

    wall_s: float
    cpu_s: float
    each_s: list[float]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", type=Path)
    parser.add_argument("--picture", type=Path)
    parser.add_argument("--encoder", default="mit_b0")
    for name, default in (("size", 256), ("pictures", 32), ("turns", 3), ("batch", 8)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 4, 16])
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        model = options.model or _exported(options.encoder, options.size, Path(folder))
        picture = _picture(options.picture, options.size)
        with _served(model, options.batch) as (port, process):
            return _compare(model, picture, options, port, process)


def _compare(
    model: Path,
    picture: bytes,
    options: argparse.Namespace,
    port: int,
    process: "subprocess.Popen[str]",
) -> int:
    bare = Model(model)
    _post_all(port, picture, 2, 8)
    _loop(bare, picture, 3)
    loops: list[Turn] = []
    served: dict[int, list[Turn]] = {count: [] for count in options.clients}
    for _ in range(options.turns):
        loops.append(_loop(bare, picture, options.pictures))
        for count, turns in served.items():
            before = _cpu_s(process.pid)
            each, wall_s = _post_all(port, picture, count, options.pictures)
            turns.append(Turn(wall_s, _cpu_s(process.pid) - before, each))
    print(
        f"{len(picture) / 1000:.0f} kB a picture, {options.pictures} a turn, {options.turns} turns"
    )
    _print("bare loop", loops, options.pictures)
    wall_s, cpu_s = (
        statistics.median(t) for t in zip(*((t.wall_s, t.cpu_s) for t in loops), strict=True)
    )
    shares = []
    for count, turns in served.items():
        _print(f"{count} clients", turns, options.pictures)
        wall = wall_s / statistics.median(turn.wall_s for turn in turns)
        cpu = cpu_s / statistics.median(turn.cpu_s for turn in turns)
        shares.append(max(wall, cpu))
        print(f"  {wall:.2f} of the loop's pictures a second, {cpu:.2f} of them a processor second")
    return int(max(shares) < WANTED)


def _print(name: str, turns: list[Turn], pictures: int) -> None:
    rate = pictures / statistics.median(turn.wall_s for turn in turns)
    cpu_ms = 1000 * statistics.median(turn.cpu_s for turn in turns) / pictures
    times = 1000 * np.array([s for turn in turns for s in turn.each_s])
    p50, p95 = np.percentile(times, [50, 95])
    print(
        f"{name}: {rate:.1f} pictures/s, {cpu_ms:.1f} ms of processor each, "
        f"p50 {p50:.0f} ms, p95 {p95:.0f} ms"
    )


def _loop(model: Model, picture: bytes, count: int) -> Turn:
    began, cpu, each = time.perf_counter(), time.process_time(), []
    for _ in range(count):
        start = time.perf_counter()
        mask = model.segment(read_image(io.BytesIO(picture), bits=model.bits))
        Image.fromarray(mask, "P").save(io.BytesIO(), "PNG")
        each.append(time.perf_counter() - start)
    return Turn(time.perf_counter() - began, time.process_time() - cpu, each)


def _post_all(port: int, picture: bytes, clients: int, count: int) -> tuple[list[float], float]:
    """Post a picture repeatedly by several clients; return the time of each, and of all."""
    shares = [count // clients + (index < count % clients) for index in range(clients)]
    began = time.perf_counter()
    with ThreadPoolExecutor(clients) as pool:
        lists = list(pool.map(lambda share: _post(port, picture, share), shares))
    return [seconds for part in lists for seconds in part], time.perf_counter() - began


def _post(port: int, picture: bytes, count: int) -> list[float]:
    connection, each = http.client.HTTPConnection("127.0.0.1", port, timeout=300), []
    for _ in range(count):
        start = time.perf_counter()
        connection.request("POST", "/predict", picture)
        answer = connection.getresponse()
        content = answer.read()
        if answer.status != 200:
            raise SystemExit(content.decode())
        each.append(time.perf_counter() - start)
    return each


def _cpu_s(process: int) -> float:
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


@contextmanager
def _served(model: Path, batch: int) -> Iterator[tuple[int, "subprocess.Popen[str]"]]:
    command = [sys.executable, "-m", "automl", "serve", str(model), "--skill", "segformer",
               "--batch", str(batch), "--timeout", "300"]  # fmt: skip
    environment = {**os.environ, "OMP_NUM_THREADS": str(os.cpu_count())}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        found = re.search(r"http://127\.0\.0\.1:(\d+)", process.stdout.readline())
        if found is None:
            raise SystemExit("automl serve did not start")
        try:
            yield int(found[1]), process
        finally:
            process.terminate()


def _exported(encoder: str, size: int, folder: Path) -> Path:
    values = {"model.backbone.type": encoder, "dataset.segment.img_size": size,
              "dataset.segment.num_classes": 11, "export.input_height": size,
              "export.input_width": size}  # fmt: skip
    spec = parse(nested(values))
    torch.manual_seed(0)
    network = build(spec.model, num_classes=11).eval()
    write_onnx(network, folder / "model.onnx", options=spec.export, record=ModelRecord.of(spec))
    return folder / "model.onnx"


def _picture(path: Path | None, size: int) -> bytes:
    """Return a file's bytes, or a JPEG a third wider than the model's size."""
    if path is not None:
        return path.read_bytes()
    coarse = np.random.default_rng(0).integers(0, 256, (12, 16, 3), np.uint8)
    whole = Image.fromarray(coarse).resize((size * 4 // 3, size), Image.Resampling.BICUBIC)
    file = io.BytesIO()
    whole.save(file, "JPEG", quality=90)
    return file.getvalue()


if __name__ == "__main__":
    sys.exit(main())
