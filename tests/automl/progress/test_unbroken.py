import os
import sys

from automl.progress.unbroken import unbroken_stderr


def test_a_reader_that_has_gone_ends_nothing(monkeypatch):
    source, sink = os.pipe()
    with os.fdopen(sink, "w", buffering=1) as stream:
        monkeypatch.setattr(sys, "stderr", stream)
        with unbroken_stderr():
            print("read", file=sys.stderr)
            os.close(source)
            print("not read", file=sys.stderr, flush=True)
            print("nor this", file=sys.stderr, flush=True)
            assert not sys.stderr.isatty()
        assert sys.stderr is stream
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def test_a_process_without_stderr_has_nowhere_to_write_and_goes_on(monkeypatch):
    monkeypatch.setattr(sys, "stderr", None)  # As Python has it after 2>&-.
    with unbroken_stderr():
        print("not read", file=sys.stderr, flush=True)
        assert not sys.stderr.isatty()
    assert sys.stderr is None
