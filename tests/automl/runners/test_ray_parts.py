"""Ray's parts die, the driver dies, and nothing is left."""

import ipaddress
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from warm import pid_of

from automl.runners.ray_janitor import MARK, ray_folder
from automl.runners.ray_watch import OwnFault

LISTEN = "0A"
"""The state of a socket in /proc/net/tcp."""


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
    fault, unasked = OwnFault(), OwnFault()
    with subprocess.Popen([program, "60"]) as part:
        wait_for(lambda: Path(f"/proc/{part.pid}/comm").read_text() == "gcs_server\n", 10)
        assert fault() is None
        part.kill()
        # Nobody has asked how it ended.
        wait_for(lambda: fault() == "Ray's control service (GCS) died", 10)
        assert unasked() == "Ray's control service (GCS) died"
        assert OwnFault()() is None, "of an earlier start"
        part.wait()
        assert fault() == "Ray's control service (GCS) died"


@pytest.mark.slow
@pytest.mark.parametrize("part", ["raylet", "gcs_server", "driver"])
def test_a_search_whose_ray_dies_stops_and_leaves_nothing(
    places, toy_data, tmp_path, commands, part
):
    driver = search_on_ray(commands, toy_data, tmp_path)
    wait_for(lambda: list(tmp_path.glob("exp/trials/*/epochs.txt")), 120)
    pid = pid_of(driver) if part == "driver" else marked(places, f"/{part}")[0]
    os.kill(pid, signal.SIGKILL)
    _, stderr = driver.communicate(timeout=60)
    assert driver.returncode == (-9 if part == "driver" else 75)
    assert part == "driver" or "died; the search stopped; resume it: automl resume exp" in stderr
    wait_for(lambda: not list(places.iterdir()) and not marked(places, ""), 20)


@pytest.mark.slow
@pytest.mark.parametrize("sent", ["SIGKILL to the control service", "SIGINT to the driver"])
def test_a_start_of_ray_ends_when_it_cannot_go_on_and_when_it_is_interrupted(
    places, toy_data, tmp_path, commands, sent
):
    driver = search_on_ray(commands, toy_data, tmp_path)
    wait_for(lambda: marked(places, "/gcs_server"), 60)
    time.sleep(0.4)  # Ray waits for its control service here, in compiled code.
    if sent == "SIGINT to the driver":
        driver.send_signal(signal.SIGINT)
    else:
        os.kill(marked(places, "/gcs_server")[0], signal.SIGKILL)
    _, stderr = driver.communicate(timeout=50)
    assert driver.returncode == (130 if sent == "SIGINT to the driver" else 75)
    assert "resume it: automl resume exp" in stderr
    wait_for(lambda: not list(places.iterdir()) and not marked(places, ""), 20)


TWO_STARTS = """
import time
from automl.runners.ray_session import ray_session
try:
    with ray_session(None, meanwhile=lambda: None):
        print("started")
except KeyboardInterrupt:
    print("interrupted", flush=True)
with ray_session(None, meanwhile=lambda: None):
    print("started again", flush=True)
"""


@pytest.mark.slow
def test_a_start_that_two_interrupts_give_up_ends_by_itself_and_the_process_goes_on(places):
    with subprocess.Popen(
        [sys.executable, "-c", TWO_STARTS], stdout=subprocess.PIPE, text=True
    ) as process:
        wait_for(lambda: marked(places, "/gcs_server"), 60)
        process.send_signal(signal.SIGINT)
        time.sleep(0.2)
        process.send_signal(signal.SIGINT)
        told, _ = process.communicate(timeout=120)
    assert (told, process.returncode) == ("interrupted\nstarted again\n", 0)
    wait_for(lambda: not list(places.iterdir()) and not marked(places, ""), 20)


@pytest.mark.slow
def test_a_ray_that_is_started_here_listens_on_loopback_alone_and_has_the_priority_of_the_search(
    places, toy_data, tmp_path, commands, monkeypatch
):
    monkeypatch.delenv("RAY_worker_niceness")
    driver = search_on_ray(commands, toy_data, tmp_path)
    wait_for(lambda: list(tmp_path.glob("exp/trials/*/epochs.txt")), 120)
    processes = [pid_of(driver), *marked(places, "")]
    addresses = {address for pid in processes for address in heard(pid)}
    priorities = {os.getpriority(os.PRIO_PROCESS, pid) for pid in processes}
    driver.terminate()
    _, stderr = driver.communicate(timeout=60)
    assert driver.returncode == 75, stderr
    assert addresses == {"127.0.0.1"}
    assert priorities == {os.getpriority(os.PRIO_PROCESS, 0)}


def heard(pid):
    """Return the addresses that a process listens on."""
    try:
        sockets = {str(link.readlink()) for link in Path(f"/proc/{pid}/fd").iterdir()}
        lines = [
            line.split()
            for name in ("tcp", "tcp6")
            for line in Path(f"/proc/{pid}/net/{name}").read_text().splitlines()[1:]
        ]
    except OSError:
        return set()
    local = [line[1].split(":")[0] for line in lines
             if line[3] == LISTEN and f"socket:[{line[9]}]" in sockets]  # fmt: skip
    # Of an address of IPv6 the last 32 bits are IPv4's.
    return {str(ipaddress.ip_address(bytes.fromhex(address[-8:])[::-1])) for address in local}


def search_on_ray(commands, data, folder):
    """Start a search whose trials hang."""
    return subprocess.Popen(
        [commands / "automl", "run", "--skill", "toy", "--data", str(data), "--out",
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
