"""Ray's parts die, the driver dies, and nothing is left."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from automl.runners.ray_janitor import MARK, ray_folder
from automl.runners.ray_watch import OwnFault


@pytest.fixture
def places(tmp_path, monkeypatch):
    """Return an empty folder for temporary files whose path is short enough for Ray."""
    folder = Path("/tmp") / f"parts-{os.getpid()}"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.delenv("RAY_TMPDIR", raising=False)
    yield folder
    folder.rmdir()


def test_what_is_marked_and_the_folder_go_with_the_driver(places):
    with ray_folder() as folder:
        assert Path(folder).parent == places
        ray = subprocess.Popen(["sleep", "60"], env={**os.environ, MARK: folder})
        other = subprocess.Popen(["sleep", "60"], env={**os.environ, MARK: f"{folder}0"})
    assert ray.wait(10) == -signal.SIGKILL
    assert other.poll() is None and not Path(folder).exists()
    other.kill()
    other.wait()


def test_a_long_place_for_temporary_files_is_not_used(tmp_path, monkeypatch):
    monkeypatch.setenv("RAY_TMPDIR", str(tmp_path / ("x" * 100)))
    monkeypatch.setenv("TMPDIR", str(tmp_path / ("x" * 100)))
    with ray_folder() as folder:
        assert folder.startswith("/tmp/")


def test_a_part_that_dies_while_ray_starts_is_a_fault_whether_or_not_it_was_seen(tmp_path):
    program = tmp_path / "gcs_server"
    shutil.copy(shutil.which("sleep"), program)
    fault = OwnFault()
    with subprocess.Popen([program, "60"]) as part:
        wait_for(lambda: Path(f"/proc/{part.pid}/comm").read_text() == "gcs_server\n", 10)
        assert fault() is None
        part.kill()
        # Nobody has asked how it ended.
        wait_for(lambda: fault() == "Ray's control service (GCS) died", 10)
        assert OwnFault()() == "Ray's control service (GCS) died"
        part.wait()
        assert fault() == "Ray's control service (GCS) died"
        assert OwnFault()() is None


@pytest.mark.slow
@pytest.mark.parametrize("part", ["raylet", "gcs_server", "driver"])
def test_a_search_whose_ray_dies_stops_and_leaves_nothing(places, toy_data, tmp_path, part):
    driver = search_on_ray(toy_data, tmp_path)
    wait_for(lambda: list(tmp_path.glob("exp/trials/*/epochs.txt")), 120)
    pid = driver.pid if part == "driver" else marked(places, f"/{part}")[0]
    os.kill(pid, signal.SIGKILL)
    _, stderr = driver.communicate(timeout=60)
    assert driver.returncode == (-9 if part == "driver" else 75)
    assert part == "driver" or "died; the search stopped; resume it: automl resume exp" in stderr
    wait_for(lambda: not list(places.iterdir()) and not marked(places, ""), 20)


@pytest.mark.slow
@pytest.mark.parametrize("sent", ["SIGKILL to the control service", "SIGINT to the driver"])
def test_a_start_of_ray_ends_when_it_cannot_go_on_and_when_it_is_interrupted(
    places, toy_data, tmp_path, sent
):
    driver = search_on_ray(toy_data, tmp_path)
    wait_for(lambda: marked(places, "/gcs_server"), 60)
    time.sleep(0.6)  # Ray waits for its control service here, in compiled code.
    if sent == "SIGINT to the driver":
        driver.send_signal(signal.SIGINT)
    else:
        os.kill(marked(places, "/gcs_server")[0], signal.SIGKILL)
    _, stderr = driver.communicate(timeout=50)
    assert driver.returncode == (130 if sent == "SIGINT to the driver" else 75)
    assert "resume it: automl resume exp" in stderr
    wait_for(lambda: not list(places.iterdir()) and not marked(places, ""), 20)


def search_on_ray(data, folder):
    """Start a search whose trials hang."""
    return subprocess.Popen(
        [sys.executable, "-m", "automl", "run", "--skill", "toy", "--data", str(data), "--out",
         "exp", "--tracker", "none", "--trials", "3", "--quiet", "--concurrency", "1",
         "train.fail=hang"],
        cwd=folder, env=os.environ, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def marked(places, name):
    """Return the processes of a Ray whose folder is in `places`."""
    pids = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            environment, command = [(path / n).read_bytes() for n in ("environ", "cmdline")]
        except OSError:
            continue
        if f"{MARK}={places}/".encode() in environment and name.encode() in command:
            pids.append(int(path.name))
    return pids


def wait_for(is_so, limit):
    deadline = time.monotonic() + limit
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.1)
