import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from automl.errors import Stopped
from automl.session.signals import signals_as_stop, signals_held


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_sigterm_and_a_closed_terminal_stop(number):
    before = signal.signal(number, signal.SIG_DFL)  # The suite may run under nohup.
    try:
        with pytest.raises(Stopped, match=f"stopped by {number.name}"), signals_as_stop():
            os.kill(os.getpid(), number)
        assert signal.getsignal(number) is signal.SIG_DFL
    finally:
        signal.signal(number, before)


def test_nohup_is_obeyed():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with signals_as_stop():
            os.kill(os.getpid(), signal.SIGHUP)
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_signal_that_is_held_comes_after_the_context():
    done = []
    with pytest.raises(Stopped), signals_as_stop():
        with signals_held():
            signal.pthread_kill(threading.get_ident(), signal.SIGTERM)
            done.append("held")
        done.append("too late")
    assert done == ["held"]


CODE = """
import sys
from automl.errors import Stopped
from automl.session.signals import signals_as_stop
try:
    with signals_as_stop():
        exec("import os; os.kill(os.getpid(), int(sys.argv[1]))\\nfor _ in range(10**5): pass")
except Stopped:
    sys.exit(75)
except KeyboardInterrupt:
    sys.exit(130)
"""


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 75), (signal.SIGINT, 130)])
def test_the_exit_code_is_the_programs_wherever_the_signal_comes(tmp_path, number, code):
    (tmp_path / "signalled.py").write_text(CODE)
    words = [sys.executable, "-m", "signalled", str(int(number))]
    root = Path(__file__).parents[3]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(root), os.environ["PYTHONPATH"]])}
    assert subprocess.run(words, cwd=tmp_path, env=env, check=False).returncode == code
