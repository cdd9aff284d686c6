"""A search whose training tells its secrets in every way that it can."""

import shutil
import textwrap
from pathlib import Path

import numpy as np
import pytest

pytestmark = pytest.mark.slow

KEY, PASSWORD, TOKEN = "wJalrXUtnFEMIK7MDENG", "hunter2-and-more", "tok-0123456789abcdef"
LEAK = textwrap.dedent(
    """
    import os, sys
    for name in ("AWS_SECRET_ACCESS_KEY", "STORE_PASSWORD", "WANDB_API_KEY"):
        print("environment:", name, os.environ[name], flush=True)
        print("environment:", name, os.environ[name], file=sys.stderr, flush=True)
    """
)


@pytest.fixture(scope="module")
def told(tmp_path_factory, run_in):
    """Return the folder of the searches, and the texts that the commands printed."""
    home = tmp_path_factory.mktemp("secrets")
    skill = home / "leaky"
    shutil.copytree(Path(__file__).parent / "logistic", skill)
    script = skill / "train.py"
    code = script.read_text().replace('"cannot go on:', "f\"{os.environ['STORE_PASSWORD']}:")
    code = code.replace('"message": "going"', '"message": os.environ["WANDB_API_KEY"]')
    script.write_text(code.replace("import numpy", LEAK + "import numpy", 1))
    (home / "data").mkdir()
    draw = np.random.default_rng(0)
    points = np.c_[draw.normal(size=(40, 2)), draw.integers(0, 2, 40)]
    np.savetxt(home / "data" / "points.csv", points, delimiter=",")
    secrets = {
        "AWS_SECRET_ACCESS_KEY": KEY,
        "STORE_PASSWORD": PASSWORD,
        "WANDB_API_KEY": TOKEN,
        "MLFLOW_TRACKING_URI": f"http://me:{PASSWORD}@127.0.0.1:1",
    }
    run = ["run", "--skill", skill, "--data", "data", "--runner", "local", "--epochs", 2]
    texts = []
    for words, tracker in (
        ([*run, "--trials", 2, "--out", "runs/good", "--json"], "mlflow"),
        ([*run, "--trials", 1, "--out", "runs/bad", "train.fail=exit"], "none"),
        ([*run, "--out", "runs/no", f"train.fail=s3://K:{KEY}@bucket/x"], "none"),
        ([*run, "--out", "runs/no", "--json", "--data", f"s3://K:{KEY}@bucket/x"], "none"),
        ([*run, "--out", "runs/no", "--data", "http://127.0.0.1:1/x?token=" + TOKEN], "none"),
    ):  # fmt: skip
        result = run_in(home, *words, "--tracker", tracker, **secrets)
        texts += [result.stdout, result.stderr]
        assert (result.returncode == 0) == ("runs/good" in words), result.stderr
    for words in (["status", "runs/good", "--json"], ["status", "runs/bad"],
                  ["report", "runs/bad"], ["fsck", "runs/good", "--json"]):  # fmt: skip
        result = run_in(home, *words, **secrets)
        texts += [result.stdout, result.stderr]
    return home, texts


def test_no_command_prints_a_secret(told):
    _, texts = told
    assert any("***" in text for text in texts)
    for secret in (KEY, PASSWORD, TOKEN):
        assert not [text for text in texts if secret in text]


def test_no_file_of_a_search_holds_a_secret(told):
    home, _ = told
    files = [path for path in (home / "runs").rglob("*") if path.is_file()]
    assert {"log.txt", "journal.jsonl", "settings.yaml"} <= {path.name for path in files}
    held = [
        (str(path.relative_to(home)), secret)
        for path in files
        for secret in (KEY, PASSWORD, TOKEN)
        if secret.encode() in path.read_bytes()
    ]
    # The training's own file in its own folder is its own.
    assert [each for each in held if not each[0].endswith("status.json")] == []
