"""Words as a real bash completes them on a terminal, at a real Tab."""

import os
import pty
import select
import shlex
import subprocess
import sys
import time

import pytest

from automl.cli.completion import SHELLS


@pytest.fixture
def folder(tmp_path):
    """Return a folder with a runs/ that holds an experiment and something else."""
    for name in ("good", "other"):
        (tmp_path / "runs" / name).mkdir(parents=True)
    (tmp_path / "runs" / "good" / "settings.yaml").touch()
    bin_ = tmp_path / "bin"
    bin_.mkdir()
    (bin_ / "automl").write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m automl "$@"\n')
    (bin_ / "automl").chmod(0o755)
    return tmp_path


class Bash:
    """An interactive bash that has read `automl completion bash`."""

    def __init__(self, folder):
        self._ours, theirs = pty.openpty()
        path = f"{folder / 'bin'}:{os.environ['PATH']}"
        environment = {**os.environ, "PATH": path, "PS1": "> ", "TERM": "dumb"}
        self._child = subprocess.Popen(
            ["bash", "--norc", "--noprofile", "-i"], cwd=folder, env=environment,
            stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
        )  # fmt: skip
        os.close(theirs)
        self._say('bind "set bell-style none"; eval "$(automl completion bash)"; echo rea""dy\n')
        self._read("ready")

    def _say(self, text):
        os.write(self._ours, text.encode())

    def _read(self, until, timeout=120):
        text, end = "", time.monotonic() + timeout
        while until not in text and time.monotonic() < end:
            if select.select([self._ours], [], [], 0.2)[0]:
                text += os.read(self._ours, 65536).decode(errors="replace")
        return text

    def completed(self, line, ending):
        """Type a line and Tab; return whether the shell wrote the ending."""
        typed = line.rpartition(" ")[2]
        self._say(line)
        self._read(typed)
        self._say("\t")
        ending = ending.removeprefix(typed)
        is_as_expected = ending in self._read(ending, timeout=60)
        self._say("\x15\n")  # Leave the line.
        self._read("> ")
        return is_as_expected

    def close(self):
        os.close(self._ours)
        self._child.wait(timeout=30)


@pytest.mark.slow
def test_bash_completes_commands_flags_keys_values_skills_and_experiments(folder):
    bash = Bash(folder)
    try:
        for line, ending in (
            ("automl prom", "promote "),
            ("automl run --dry", "--dry-run "),
            ("automl run --skill to", "toy "),
            ("automl run --skill toy train.flip.en", "train.flip.enable="),
            ("automl run --skill toy train.kind=o", "train.kind=odd "),
            ("automl run --algorithm hyperband_", "hyperband_es "),
            ("automl status runs/g", "runs/good "),
            ("automl run --skill segformer --space edg", "edge "),
            ("automl run --skill toy --objective sco", "score "),
            ("automl run --tracker tens", "tensorboard "),
            ("automl promote x --to onnx,deep", "onnx,deepstream "),
            ("automl run --stop-rule of", "off "),
        ):
            assert bash.completed(line, ending), line
    finally:
        bash.close()


@pytest.mark.parametrize("shell", SHELLS)
def test_each_shell_gets_its_script(automl, shell):
    done = automl("completion", shell)
    assert done.returncode == 0 and "automl" in done.stdout
    assert ("complete --command automl" in done.stdout) == (shell == "fish")
    assert ("compdef" in done.stdout or "complete -o" in done.stdout) == (shell != "fish")


def test_another_shell_is_refused_with_those_there_are(automl):
    done = automl("completion", "tcsh")
    assert done.returncode == 2 and "bash" in done.stderr
