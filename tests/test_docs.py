"""Runs every block of README and docs, in order, one folder a page.

A block is a fence of bash or python. A comment before it makes it an exception:
`<!-- no-run: why -->`, or `<!-- exit: 2 -->` where the command is to fail. A fence of text after
`<!-- shows -->` must occur in what the block before it printed, `...` standing for anything.
"""

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
import warm
import yaml

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
NAMES = [str(page.relative_to(ROOT)) for page in PAGES]
MOST_EXCEPTIONS = 12
"""Blocks of all pages that are not run."""
_BLOCK = re.compile(
    r"(?:^<!-- (?P<note>no-run|exit|shows)(?:: (?P<said>[^\n]*?))? -->\n)?"
    r"^```(?P<kind>\w*)[^\n]*\n(?P<code>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)


@dataclass(frozen=True)
class Block:
    kind: str
    code: str
    note: str
    said: str
    line: int


def blocks(page):
    text = page.read_text()
    return [
        Block(m["kind"], m["code"], m["note"] or "", m["said"] or "", text[: m.start()].count("\n"))
        for m in _BLOCK.finditer(text)
    ]


@pytest.fixture(scope="session")
def cut(commands):
    """Return a folder with the commands whose budgets are cut, and a python."""
    folder = commands / "cut"
    (folder / "warm").mkdir(parents=True)
    for path in (folder / "automl", folder / "segformer", folder / "warm" / "python"):
        warm.program(path, str(commands / "socket"), is_cut=True)
    return folder


@pytest.fixture(scope="session")
def sample(cut, tmp_path_factory):
    """Return a generated data set."""
    folder = tmp_path_factory.mktemp("sample") / "data"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    subprocess.run(
        [cut / "automl", "data", "sample", folder], env=environment, check=True, capture_output=True
    )
    return folder


@pytest.fixture
def place(tmp_path, sample):
    """Return a folder as the reader's: a checkout's files, a data set, some photos."""
    shutil.copytree(sample, tmp_path / "my_data")
    shutil.copytree(sample / "images" / "val", tmp_path / "photos")
    for name in ("search_spaces", "tests", "segformer"):
        (tmp_path / name).symlink_to(ROOT / name)
    (tmp_path / "experiments").mkdir()
    small = yaml.safe_load((ROOT / "experiments" / "sample.yaml").read_text())
    small |= {"trials": 2, "epochs": 1, "runner": "local", "tracker": "none"}
    small["spec"]["dataset.segment"] = {"img_size": 32, "batch_size": 2, "workers": 0}
    (tmp_path / "experiments" / "sample.yaml").write_text(yaml.safe_dump(small))
    return tmp_path


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_every_block_of_the_page_runs(page, place, cut, request):
    environment = {
        **os.environ,
        "PATH": os.pathsep.join([str(cut), str(Path(sys.executable).parent), os.environ["PATH"]]),
        "PYTHONPATH": str(ROOT),
        "AUTOML_CACHE": str(place / "cache"),
        "OMP_NUM_THREADS": "1",
    }
    if "s3://" in page.read_text() and page.stem == "s3":
        environment |= _bucket(request)
    printed = ""
    for block in blocks(page):
        where = f"{page.relative_to(ROOT)}, line {block.line}"
        if block.note == "shows":
            pattern = re.escape(block.code.strip()).replace(re.escape("..."), ".*?")
            assert re.search(pattern, printed, re.DOTALL), f"{where}: not shown, but:\n{printed}"
        elif block.kind in ("bash", "python") and block.note != "no-run":
            printed = _run(block, where, place, environment, cut)


def _run(block, where, place, environment, cut):
    shell = ["bash", "-euo", "pipefail", "-s"]
    command = shell if block.kind == "bash" else [str(cut / "warm" / "python")]
    result = subprocess.run(
        command, input=block.code, cwd=place, env=environment, text=True, timeout=300,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
    )  # fmt: skip
    wanted = int(block.said) if block.note == "exit" else 0
    assert result.returncode == wanted, f"{where}: exit {result.returncode}\n{result.stdout}"
    assert "Traceback" not in result.stdout, f"{where}\n{result.stdout}"
    return result.stdout


def _bucket(request):
    """Return the environment in which an S3 server of the tests has a bucket."""
    boto3 = pytest.importorskip("boto3")
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    request.addfinalizer(server.stop)
    host, port = server.get_host_and_port()
    keys = {"AWS_ACCESS_KEY_ID": "AKIADOCS", "AWS_SECRET_ACCESS_KEY": "docs"}
    s3 = boto3.client(
        "s3", endpoint_url=f"http://{host}:{port}", region_name="us-east-1",
        **{name.lower(): value for name, value in keys.items()},
    )  # fmt: skip
    s3.create_bucket(Bucket="bucket")
    folder = request.getfixturevalue("sample")
    for path in (path for path in folder.rglob("*") if path.is_file()):
        s3.upload_file(str(path), "bucket", f"my_data/{path.relative_to(folder)}")
    return {**keys, "AWS_ENDPOINT_URL": f"http://{host}:{port}", "AWS_DEFAULT_REGION": "us-east-1"}


def test_the_blocks_that_are_not_run_are_few_and_say_why():
    left_out = [block for page in PAGES for block in blocks(page) if block.note == "no-run"]
    assert all(block.said for block in left_out)
    assert len(left_out) <= MOST_EXCEPTIONS


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_every_block_has_a_kind_and_none_is_by_indentation(page):
    """An indented block would be passed over."""
    text = page.read_text()
    assert all(block.kind for block in blocks(page))
    assert _BLOCK.sub("", text).count("```") == 0
    assert re.findall(r"\n\n {4}(?![-*\d ])\S[^\n]*", _BLOCK.sub("", text)) == []


@pytest.mark.slow
def test_the_site_is_built_without_a_warning_and_every_link_leads_somewhere(tmp_path):
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1", "PYTHONPATH": str(ROOT)}
    result = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", tmp_path / "site"],
        cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    assert "WARNING" not in result.stderr
    page = (tmp_path / "site" / "reference" / "command-line.html").read_text()
    assert "--budget-epochs" in page and "segformer gen_trt_engine" in page
    spec = (tmp_path / "site" / "reference" / "spec.html").read_text()
    assert "num_classes" in spec and 'id="trainoptim"' in spec
    outside = re.findall(r'(?:src|href)="https?://[^"]+"', page)
    assert [link for link in outside if ".js" in link or ".css" in link or "font" in link] == []


def test_every_setting_of_tao_is_in_the_table_of_those_who_come_from_it():
    from automl.search.options import EXPERIMENT, OPTIONS, REFUSED, SYNONYMS

    page = (ROOT / "docs" / "from-tao.md").read_text()
    ours = {"type", "pruner", "grid_points"}
    names = {*OPTIONS, *EXPERIMENT, *REFUSED, *SYNONYMS} - ours
    assert [name for name in sorted(names) if f"{name}`" not in page] == []
