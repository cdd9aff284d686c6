import os
import subprocess
import sys
import time
from pathlib import Path

from automl.machine import leash

DAEMON = "import os, time\nif os.fork(): os._exit(3)\nos.setsid()\nif os.fork(): os._exit(0)\n"


def run(folder, code, **streams):
    with (folder / "log.txt").open("a+b") as log:
        return subprocess.Popen(
            [sys.executable, "-I", leash.__file__, sys.executable, "-c", code],
            stdin=subprocess.PIPE, stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip


def is_gone(pid):
    """Whether a process has ended; an orphan that was killed is removed a moment later."""
    deadline = time.monotonic() + 10
    while (is_there := Path(f"/proc/{pid}").exists()) and time.monotonic() < deadline:
        time.sleep(0.05)
    return not is_there


def test_what_leaves_its_session_ends_with_the_command(tmp_path):
    code = f"{DAEMON}open({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid())); time.sleep(60)"
    code = code.replace("os._exit(3)", "(time.sleep(1), os._exit(3))")
    with run(tmp_path, code) as held:
        assert held.wait(20) == 3
    pid = int((tmp_path / "pid").read_text())
    assert is_gone(pid)


def test_the_end_of_the_pipe_ends_what_does_not_hear(tmp_path, monkeypatch):
    code = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "print('deaf', flush=True); time.sleep(60)"
    )
    with run(tmp_path, code) as held:
        deadline = time.monotonic() + 20
        while not (tmp_path / "log.txt").read_text() and time.monotonic() < deadline:
            time.sleep(0.05)
        pids = leash.descendants(held.pid)
        held.stdin.close()
        assert held.wait(20) == -9
    assert pids and all(map(is_gone, pids))


def test_of_a_log_without_end_the_middle_is_left_out(tmp_path, monkeypatch):
    monkeypatch.setattr(leash, "LOG_LIMIT", 1 << 16)
    source, sink = os.pipe()
    with (tmp_path / "log.txt").open("a+b") as log:
        output = leash.Output(source, log.fileno())
        for number in range(9999):
            os.write(sink, b"line %d\n" % number)
            output.copy()
    text = (tmp_path / "log.txt").read_text()
    assert len(text) <= (1 << 16) + 99
    assert text.startswith("line 0\n") and text.endswith("line 9998\n") and "left out" in text


def test_a_log_shows_no_secret_even_one_that_comes_in_pieces(tmp_path):
    source, sink = os.pipe()
    with (tmp_path / "log.txt").open("a+b") as log:
        output = leash.Output(source, log.fileno(), {b"hunter2!": b"***"})
        for text in (b"a hunter2! b hunt", b"er2! c hun", b"dred d hunter2", b""):
            os.write(sink, text) if text else os.close(sink)
            output.copy()
        output.end()
    assert (tmp_path / "log.txt").read_bytes() == b"a *** b *** c hundred d hunter2"


def test_a_command_that_cannot_be_started_says_so(tmp_path):
    with (tmp_path / "log.txt").open("a+b") as log:
        words = [sys.executable, "-I", leash.__file__, "no-such-command"]
        code = subprocess.call(words, stdin=subprocess.PIPE, stdout=log, stderr=log)
    assert code == leash.NOT_STARTED
    assert "no-such-command: No such file" in (tmp_path / "log.txt").read_text()
