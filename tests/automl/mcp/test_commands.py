"""A command whose caller does not wait any more: it ends, and leaves nothing behind."""

import json
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from automl.mcp.commands import Commands

_SLEEPS = "import os, pathlib, time; pathlib.Path('pid').write_text(str(os.getpid())); "
STUBBORN = f"import signal; signal.signal(15, signal.SIG_IGN); {_SLEEPS}time.sleep(600)"


def pid_in(folder, timeout=60):
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        if (folder / "pid").exists() and (text := (folder / "pid").read_text()):
            return int(text)
        time.sleep(0.05)
    raise AssertionError("the command has not begun")


def has_ended(pid, timeout=60):
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        if not Path(f"/proc/{pid}").exists():
            return True
        time.sleep(0.05)
    return False


@pytest.mark.parametrize("kind", ["call", "text", "detach"])
def test_a_command_ends_when_nobody_waits_for_it(tmp_path, kind):
    commands = Commands(tmp_path, (sys.executable, "-c", f"{_SLEEPS}time.sleep(600)")).of_a_call()
    more = ([lambda: False]) if kind == "detach" else []
    thread = threading.Thread(target=getattr(commands, kind), args=([], *more))
    thread.start()
    pid = pid_in(tmp_path)
    commands.gone.set()
    thread.join(60)
    assert not thread.is_alive() and has_ended(pid)


def test_a_command_that_does_not_end_by_itself_is_killed(tmp_path, monkeypatch):
    monkeypatch.setattr("automl.mcp.commands._PATIENCE_S", 0.2)
    commands = Commands(tmp_path, (sys.executable, "-c", STUBBORN)).of_a_call()
    thread = threading.Thread(target=commands.call, args=([],))
    thread.start()
    pid = pid_in(tmp_path)
    commands.gone.set()
    thread.join(60)
    assert not thread.is_alive() and has_ended(pid)


def request(number, method, params):
    return json.dumps({"jsonrpc": "2.0", "id": number, "method": method, "params": params}) + "\n"


@pytest.mark.parametrize("how", ["cancelled", "left"])
def test_a_call_that_is_cancelled_or_left_ends_its_command_and_others_are_answered(tmp_path, how):
    program = tmp_path / "program"
    program.write_text(f"#!{sys.executable}\n{_SLEEPS}time.sleep(600)\n")
    program.chmod(0o755)
    code = "import sys; from pathlib import Path; from automl.mcp.server import serve; "
    code += f"serve(Path({str(tmp_path)!r}), program=({str(program)!r},))"
    hello = {"protocolVersion": "2025-06-18", "capabilities": {},
             "clientInfo": {"name": "raw", "version": "1"}}  # fmt: skip
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as server:
        server.stdin.write(request(1, "initialize", hello))
        call = {"name": "data_show", "arguments": {"data": "data"}}
        server.stdin.write(request(2, "tools/call", call))
        server.stdin.flush()
        pid = pid_in(tmp_path)
        if how == "cancelled":
            note = {"jsonrpc": "2.0", "method": "notifications/cancelled",
                    "params": {"requestId": 2}}  # fmt: skip
            server.stdin.write(json.dumps(note) + "\n")
            server.stdin.write(request(3, "tools/call", {"name": "stats", "arguments": {}}))
            server.stdin.flush()
            answers = {}
            while 3 not in answers:
                answer = json.loads(server.stdout.readline())
                answers[answer["id"]] = answer
            assert answers[3]["result"]["structuredContent"]["error"]["nearest"] == "status"
            assert has_ended(pid)
        server.stdin.close()
        assert server.wait(60) == 0 and has_ended(pid)
