"""A search whose MLflow is dead, silent, broken or locked takes no longer than one without it.

All servers are on loopback.
"""

import contextlib
import http.server
import socket
import sqlite3
import threading
import time

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
ALLOWED_S = 15.0


def search(automl, toy_data, out, tracker="mlflow", **environment):
    """Search 2 trials of 3 epochs; return the command's result and its seconds."""
    begun = time.monotonic()
    done = automl("run", "--skill", "toy", "--data", toy_data, "--runner", "local", "--trials", 2,
                  "--epochs", 3, "--algorithm", "random", "--tracker", tracker, "--out", out,
                  "--quiet", **environment)  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done, time.monotonic() - begun


@contextlib.contextmanager
def answering(status, body):
    """Yield the address of a server that gives one answer to everything."""

    class Answering(http.server.BaseHTTPRequestHandler):
        def _answer(self):
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _answer

        def log_message(self, *_words):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answering)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


@contextlib.contextmanager
def silent():
    """Yield the address of a server that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as door:
        yield f"http://127.0.0.1:{door.getsockname()[1]}"


@contextlib.contextmanager
def dead():
    """Yield an address that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as door:
        port = door.getsockname()[1]
    yield f"http://127.0.0.1:{port}"


SERVERS = {
    "dead": dead,
    "silent": silent,
    "unauthorized": lambda: answering(401, b"<html>login</html>"),
    "broken": lambda: answering(500, b"{}"),
    "garbage": lambda: answering(200, b"\x00\xff<html>"),
    "empty": lambda: answering(200, b"{}"),
}


@pytest.fixture(scope="module")
def seconds_without():
    """Return a list that the first search without a tracker is timed in."""
    return []


@pytest.fixture
def allowed_s(automl, toy_data, seconds_without):
    if not seconds_without:
        seconds_without.append(search(automl, toy_data, "without", tracker="none")[1])
    return seconds_without[0] + ALLOWED_S


@pytest.mark.parametrize("kind", SERVERS)
def test_a_server_in_trouble_holds_neither_trials_nor_the_end(automl, toy_data, allowed_s, kind):
    with SERVERS[kind]() as address:
        done, seconds = search(automl, toy_data, kind, MLFLOW_TRACKING_URI=address)
    assert seconds < allowed_s
    assert done.stderr.count("warning: MLflow at") == 1
    assert f"{address} is behind" in done.stderr


def test_a_folder_in_the_place_of_the_database_holds_nothing(automl, toy_data, allowed_s, tmp_path):
    (tmp_path / "runs" / "mlflow.db").mkdir(parents=True)
    done, seconds = search(automl, toy_data, "runs/exp")
    assert seconds < allowed_s
    assert done.stderr.count("unable to open database file") == 1


def test_a_locked_database_holds_nothing_and_is_caught_up_with_by_a_resume(
    automl, toy_data, allowed_s, tmp_path, monkeypatch
):
    search(automl, toy_data, "runs/first")  # Makes the database.
    database = tmp_path / "runs" / "mlflow.db"
    with contextlib.closing(sqlite3.connect(database, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        done, seconds = search(automl, toy_data, "runs/second")
        assert seconds < allowed_s
        assert done.stderr.count("database is locked") == 1
    again = automl("resume", "runs/second", "--quiet")
    assert again.returncode == 0, again.stderr
    with contextlib.closing(sqlite3.connect(database)) as store:
        [(count,)] = store.execute(
            "SELECT count(*) FROM tags WHERE key = 'automl.experiment' AND value = ?",
            [str(tmp_path / "runs" / "second")],
        )
    assert count == 3  # Its own run and two trials.


@pytest.mark.parametrize("folder", ["my%20runs", "a?b"])
def test_a_database_is_made_in_a_folder_of_any_name(automl, toy_data, tmp_path, folder):
    done, _ = search(automl, toy_data, f"{folder}/exp")
    assert "warning" not in done.stderr
    assert {path.name for path in (tmp_path / folder).iterdir()} >= {"mlflow.db", "exp"}
    assert {p.name for p in tmp_path.iterdir()} - {toy_data.name} == {folder}
