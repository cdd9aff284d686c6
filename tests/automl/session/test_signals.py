import os
import signal

import pytest

from automl.errors import Stopped
from automl.session.signals import signals_as_stop


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
