"""The README's promises on the real skill: real Ray, real training, real MLflow, real ONNX."""

import base64
import csv
import io
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from warm import pid_of

from automl.experiment.experiment import Experiment, space_of
from automl.experiment.journal import Journal
from automl.tracking.names import ParameterNames
from experiments.screenshots.browser import browser, lacking

pytestmark = pytest.mark.slow

SMALL = (
    "model.backbone.type=efficientnet_lite0", "dataset.segment.img_size=32",
    "dataset.segment.workers=0",
)  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory, run_in):
    """Return a folder with generated data in data/."""
    folder = tmp_path_factory.mktemp("whole")
    sampled = run_in(folder, "data", "sample", "data", "--skill", "segformer")
    assert sampled.returncode == 0, sampled.stderr
    return folder


@pytest.fixture(scope="module")
def told(folder, run_in):
    """Run a search on Ray, by one worker, and return its JSON."""
    result = run_in(folder, "run", "--skill", "segformer", "--data", "data", "--trials", 3,
                    "--epochs", 3, "--concurrency", 1, "--out", "runs/search", "--json",
                    *SMALL)  # fmt: skip
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


def test_a_search_on_ray_ends_promoted_with_equal_miou(told, folder):
    assert told["state"] == "finished"
    parity = told["promotion"]["parity"]
    assert abs(parity["checkpoint"] - parity["onnx"]) <= parity["tolerance"] == 0.001
    assert parity["recorded"] == told["best"]["value"]
    assert (folder / told["promotion"]["onnx"]).exists()
    assert {"test_iou_ground", "test_miou"} <= set(told["promotion"]["test"])


def test_the_promoted_model_runs_alone_on_any_batch(told, folder):
    import numpy as np
    import onnxruntime

    session = onnxruntime.InferenceSession(folder / told["promotion"]["onnx"])
    assert [i.name for i in session.get_inputs()] == ["input"]
    assert [o.name for o in session.get_outputs()] == ["output"]
    for batch in (1, 3):
        images = np.zeros((batch, 3, 32, 32), np.float32)
        assert session.run(["output"], {"input": images})[0].shape[:2] == (batch, 4)


@pytest.fixture(scope="module")
def predicted(told, folder, run_in):
    """Return a picture and the mask that `automl predict` makes of it."""
    import numpy as np
    from PIL import Image

    pictures = folder / "data" / "images" / "test"
    done = run_in(folder, "predict", told["promotion"]["onnx"], pictures, "--out", "predicted")
    assert done.returncode == 0, done.stderr
    rows = json.loads((folder / "predicted/results.json").read_text())["images"]
    picture = sorted(pictures.iterdir())[0]
    assert rows[0]["image"] == str(picture)
    mask = next((folder / "predicted").rglob(f"{picture.stem}.png"))
    return picture, np.asarray(Image.open(mask))


@pytest.fixture(scope="module")
def served(told, folder, commands):
    """Return the address at which `automl serve` serves the promoted model."""
    command = [commands / "automl", "serve", "runs/search"]
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True) as server:
        yield server.stdout.readline().split(" on ")[1].split()[0]
        server.terminate()
        assert server.wait(30) in (0, -signal.SIGTERM)


@pytest.mark.timeout(900)
def test_the_champion_gives_the_mask_of_predict_to_who_asks_mlflow(predicted, folder, monkeypatch):
    import numpy as np

    picture, mask = predicted
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{folder / 'runs' / 'mlflow.db'}")
    with served_by_mlflow("models:/segformer@champion", folder / "server.log") as address:
        text = base64.b64encode(picture.read_bytes()).decode()
        body = json.dumps({"dataframe_records": [{"image": text}]}).encode()
        request = urllib.request.Request(
            f"{address}/invocations", body, {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=60) as response:
            (answer,) = json.load(response)["predictions"]
    assert np.array_equal(answer["mask"], mask)
    assert answer["names"]["0"] == "ground"
    assert np.array_equal(mask_by_pyfunc(picture, folder / "pyfunc.npy"), mask)


def test_automl_serve_answers_a_posted_picture_with_the_mask_of_predict(predicted, served):
    import numpy as np
    from PIL import Image

    picture, mask = predicted
    with urllib.request.urlopen(f"{served}/predict", picture.read_bytes(), timeout=60) as response:
        assert np.array_equal(Image.open(io.BytesIO(response.read())), mask)


@pytest.mark.skipif(lacking() is not None, reason=str(lacking()))
def test_the_page_of_automl_serve_shows_the_mask_of_predict(predicted, served, told, folder):
    import numpy as np
    from PIL import Image
    from selenium.webdriver.support.ui import WebDriverWait

    from segformer.api import load_model

    picture, mask = predicted
    with browser(1280, 1000) as page:
        page.get(served)
        page.find_element("id", "file").send_keys(str(picture))
        WebDriverWait(page, 60).until(
            lambda page: "128 x 128 pixels" in page.find_element("id", "state").text
        )
        rows = page.find_elements("css selector", "#classes tr")
        shares = {row.text.rsplit(" ", 2)[0]: row.text.rsplit(" ", 2)[1] for row in rows}
        overlay = Image.open(io.BytesIO(base64.b64decode(page.execute_async_script(_SHOWN))))
    model = load_model(folder / told["promotion"]["onnx"])
    counts = np.bincount(mask.ravel(), minlength=len(model.class_names))
    assert shares == {
        name: f"{100 * count / mask.size:.1f}"
        for name, count in zip(model.class_names, counts.tolist(), strict=True)
        if count
    }
    assert np.array_equal(overlay, model.overlay(picture))


_SHOWN = """
const [done] = arguments, image = document.getElementById("overlay");
fetch(image.src).then(answer => answer.arrayBuffer()).then(
  content => done(btoa(String.fromCharCode(...new Uint8Array(content)))));
"""
"""Returns the picture that the page shows, as base64."""


def mask_by_pyfunc(picture, target):
    """Return the champion's mask by MLflow in a fresh process."""
    import numpy as np

    code = (
        "import sys, mlflow, numpy as np; model = mlflow.pyfunc.load_model(sys.argv[1]);"
        "np.save(sys.argv[3], model.predict([sys.argv[2]])[0]['mask'])"
    )
    words = [sys.executable, "-c", code, "models:/segformer@champion", str(picture), str(target)]
    done = subprocess.run(words, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return np.load(target)


@contextmanager
def served_by_mlflow(model, log):
    """Serve a registered model by `mlflow models serve` on a free port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "mlflow", "models", "serve", "-m", model, "-p", str(port),
               "--env-manager", "local", "--workers", "1"]  # fmt: skip
    programs = f"{Path(sys.executable).parent}:{os.environ['PATH']}"  # MLflow starts uvicorn.
    with log.open("wb") as file:
        server = subprocess.Popen(
            command, env={**os.environ, "PATH": programs}, stdout=file, stderr=file,
            start_new_session=True,
        )  # fmt: skip
    address = f"http://127.0.0.1:{port}"
    try:
        # Two processes import MLflow, one after the other: 6 s where nothing else runs.
        deadline = time.monotonic() + 600
        while not is_answering(f"{address}/ping"):
            assert server.poll() is None and time.monotonic() < deadline, log.read_text()
            time.sleep(0.2)
        yield address
    finally:
        with suppress(ProcessLookupError):
            os.killpg(server.pid, signal.SIGTERM)
        server.wait(30)


def is_answering(address):
    try:
        urllib.request.urlopen(address, timeout=5).close()
    except OSError:
        return False
    return True


def test_journal_mlflow_and_leaderboard_agree(told, folder):
    from mlflow.tracking import MlflowClient

    client = MlflowClient(tracking_uri=f"sqlite:///{folder / 'runs' / 'mlflow.db'}")
    (experiment,) = [e for e in client.search_experiments() if e.name == "segformer"]
    runs = {
        int(r.data.tags["automl.trial"]): r
        for r in client.search_runs([experiment.experiment_id])
        if "mlflow.parentRunId" in r.data.tags
    }
    journal = {}
    for event in Journal(folder / "runs/search/journal.jsonl").read():
        if event["event"] == "report":
            journal.setdefault(event["trial"], []).append(event["metrics"]["val_miou"])
    with (folder / "runs/search/leaderboard.csv").open() as file:
        board = {int(r["trial"]): float(r["val_miou"]) for r in csv.DictReader(file)}
    assert board == {t["trial"]: t["value"] for t in told["trials"]}
    assert set(runs) == set(journal) == set(board)
    loaded = Experiment.load(folder / "runs/search")
    names = ParameterNames(space_of(loaded.paths, loaded.settings), is_ranked=True)
    for number, values in journal.items():
        history = client.get_metric_history(runs[number].info.run_id, "val_miou")
        assert [m.value for m in sorted(history, key=lambda m: m.step)] == values
        assert max(values) == board[number]
        shown = names.of(told["trials"][number]["values"])
        assert runs[number].data.params == {k: str(v) for k, v in shown.items()}


def test_the_best_trial_of_the_search_is_reproduced_to_the_last_digit(told, folder, run_in):
    best = told["best"]["trial"]
    result = run_in(folder, "reproduce", "runs/search", best, "--check", "--json")
    assert result.returncode == 0, result.stderr
    made = json.loads(result.stdout)
    assert (made["is_reproduced"], made["differences"], made["tolerance"]) == (True, {}, 0.0)
    assert made["compared"] > 3 and made["largest_difference"] == 0.0


def test_policy_off_gives_the_checkpoint_of_segformer_train_bit_for_bit(folder, tmp_path, run_in):
    # Of this encoder no weights are at hand, which a run would start from and a training would not.
    spec = ("train.num_epochs=2", "train.seed=7", *SMALL[1:], "model.backbone.type=mit_b0")
    run = run_in(folder, "run", "--skill", "segformer", "--policy", "off", "--data", "data",
                 "--out", tmp_path / "off", "--runner", "local", "--tracker", "none",
                 *spec)  # fmt: skip
    assert run.returncode == 0, run.stderr
    train = run_in(folder, "train", "dataset.segment.root_dir=data",
                   f"results_dir={tmp_path / 'plain'}", *spec, program="segformer")  # fmt: skip
    assert train.returncode == 0, train.stderr
    for name in ("best.ckpt", "last.ckpt"):
        (searched,) = (tmp_path / "off/trials/0000").rglob(name)
        (plain,) = (tmp_path / "plain").rglob(name)
        assert searched.read_bytes() == plain.read_bytes()


def test_segformer_evaluates_what_automl_promoted(told, folder, run_in):
    result = run_in(folder, "evaluate", f"evaluate.checkpoint={told['promotion']['onnx']}",
                    "dataset.segment.root_dir=data", "evaluate.split=validation", "--json",
                    *SMALL, program="segformer")  # fmt: skip
    assert result.returncode == 0, result.stderr
    measured = json.loads(result.stdout)["metrics"]["val_miou"]
    assert measured == pytest.approx(told["promotion"]["parity"]["onnx"], abs=1e-9)


def test_jobs_go_on_from_the_search_by_ids_alone(told, folder, run_in):
    def job(*words):
        result = run_in(folder, "job", "run", *words, "--json")
        assert result.returncode == 0, result.stderr
        return json.loads(result.stdout)

    exported = job("export", "--parent", "search")
    assert exported["parent"] == "search"
    measured = job("evaluate", "--parent", exported["job"], "evaluate.split=validation")
    assert measured["metrics"]["val_miou"] == pytest.approx(told["best"]["value"], abs=1e-3)
    masks = job("inference", "--parent", exported["job"])["artifacts"]["masks"]
    assert len(list((folder / masks).iterdir())) > 0
    listed = run_in(folder, "job", "list", "--parent", "search", "--json")
    children = json.loads(listed.stdout)["jobs"]
    assert [j["action"] for j in children] == ["train"] * 3 + ["export"]
    measured = job("evaluate", "--parent", "search", "evaluate.split=validation")
    parity = told["promotion"]["parity"]
    assert measured["metrics"]["val_miou"] == pytest.approx(parity["checkpoint"], abs=1e-9)


def test_a_chain_of_jobs_ends_at_an_engine_without_a_path(folder, monkeypatch):
    """Here in one process, which loads torch once."""
    from automl.errors import UsageError
    from automl.jobs.create import create_job
    from automl.jobs.run import run_job
    from segformer.evaluation.tensorrt import driver_fault

    pytest.importorskip("tensorrt_rtx", reason="builds without a GPU; it is the extra trt")
    monkeypatch.chdir(folder)

    def job(action, parent=None, **spec):
        spec = {key.replace("__", "."): value for key, value in spec.items()}
        created = create_job(action, "segformer", spec, parent_job_id=parent)
        return run_job(created.id)

    small = {"dataset.segment.img_size": 32, "dataset.segment.workers": 0}
    small |= {"model.backbone.type": "efficientnet_lite0"}
    data = {"dataset.segment.root_dir": "data", "train.num_epochs": 1}
    first = job("train", **data, **small).id
    measured = job("evaluate", first, evaluate__split="validation").metrics
    exported = job("export", first)
    quantized = job("quantize", exported.id, quantize__device="trt", quantize__max_miou_drop=1)
    assert quantized.metrics["val_miou_before"] == pytest.approx(measured["val_miou"], abs=1e-3)
    engine = job(
        "gen_trt_engine", quantized.id, gen_trt_engine__tensorrt__data_type="int8",
        gen_trt_engine__tensorrt__compute_capabilities=[] if driver_fault() is None else ["8.9"],
    )  # fmt: skip
    assert (folder / "runs" / engine.id / engine.artifacts["engine"]).stat().st_size > 1e6
    assert job("inference", quantized.id).artifacts["masks"]
    if driver_fault() is None:
        assert job("inference", engine.id).artifacts["masks"]
    else:
        with pytest.raises(UsageError, match="cannot run here"):
            job("inference", engine.id)


def test_a_killed_search_is_resumed_without_losing_an_epoch(
    folder, tmp_path, run_in, commands, ray_head
):
    root = tmp_path / "killed"
    # One worker: each loads the libraries of a training again.
    driver = subprocess.Popen(
        [commands / "automl", "run", "--skill", "segformer", "--data", "data",
         "--trials", "3", "--epochs", "4", "--out", str(root), "--tracker", "none",
         "--address", ray_head, "--concurrency", "1", *SMALL],
        cwd=folder, env=os.environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    _wait_for_reports(root / "journal.jsonl", 3)
    os.kill(pid_of(driver), signal.SIGKILL)
    driver.wait()
    before = list(Journal(root / "journal.jsonl").read())
    time.sleep(3)
    resumed = run_in(folder, "resume", root, "--json")
    assert resumed.returncode == 0, resumed.stderr
    told = json.loads(resumed.stdout)
    assert (told["state"], len(told["trials"])) == ("finished", 3)
    finished = {e["trial"] for e in before if e["event"] == "finish" and e["state"] != "paused"}
    events = list(Journal(root / "journal.jsonl").read())[len(before) :]
    assert finished.isdisjoint(
        e["trial"] for e in events if "trial" in e and e["event"] != "promoting"
    )
    epochs = {}
    for event in [*before, *events]:
        if event["event"] == "report":
            epochs.setdefault(event["trial"], []).append(event["epoch"])
    assert all(seen == list(range(1, len(seen) + 1)) for seen in epochs.values())


def _wait_for_reports(journal: Path, count: int) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        if journal.exists():
            events = Journal(journal).read()
            if sum(e["event"] == "report" for e in events) >= count:
                return
        time.sleep(0.2)
    raise AssertionError(f"{count} reports did not come")


def test_one_command_goes_from_the_training_to_the_converted_model(folder, tmp_path, run_in):
    result = run_in(folder, "run", "--skill", "segformer", "--data", "data", "--policy", "off",
                    "--epochs", 1, "--to", "onnx,int8,deepstream", "--out", tmp_path / "int8",
                    "--runner", "local", "--tracker", "none", "--json", *SMALL)  # fmt: skip
    assert result.returncode == 0, result.stderr
    promotion = json.loads(result.stdout)["promotion"]
    assert (folder / promotion["int8"]).exists() and "value" in promotion["parity"]["int8"]
    parity = promotion["parity"]
    assert 0 <= parity["deepstream"]["bilinear_changed_pixels"] < 0.5
    assert (tmp_path / "int8/promoted/deepstream/nvdsinfer_config.yaml").exists()
    assert all(own["best_batch_size"] >= 1 for own in parity["latency"].values())
