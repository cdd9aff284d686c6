import pytest

from automl.errors import UsageError
from automl.experiment.journal import FORMAT, Journal, opened_event
from automl.version import __version__


def test_a_journal_gives_back_what_was_appended(tmp_path):
    journal = Journal(tmp_path / "journal.jsonl")
    events = [{"event": "start", "trial": 0}, {"event": "report", "value": 0.5}]
    for event in events:
        journal.append(event)
    assert list(journal.read()) == events


@pytest.mark.parametrize("cut", range(1, 20))
def test_a_torn_last_line_is_left_out_and_then_written_over(tmp_path, cut):
    path = tmp_path / "journal.jsonl"
    whole = b'{"event": "a"}\n{"event": "b"}\n'
    path.write_bytes(whole[:-cut])
    before = list(Journal(path).read())
    Journal(path).append({"event": "c"})
    assert list(Journal(path).read()) == [*before, {"event": "c"}]


def test_a_journal_that_something_else_changed_is_refused(tmp_path):
    path = tmp_path / "journal.jsonl"
    path.write_text('{"event": "a"}\n{"even\n{"event": "b"}\n')
    with pytest.raises(UsageError, match="line 2 is not an event"):
        list(Journal(path).read())


def test_a_journal_of_another_format_names_the_version_that_reads_it(tmp_path):
    path = tmp_path / "journal.jsonl"
    path.write_text('{"event": "opened", "format": 2, "automl": "0.9.0"}\n')
    with pytest.raises(UsageError, match=r"has format 2, and automl .* read it with automl 0.9.0"):
        list(Journal(path).read())


def test_a_session_begins_with_the_format_and_the_version(tmp_path):
    journal = Journal(tmp_path / "journal.jsonl")
    journal.append(opened_event())
    assert list(journal.read()) == [{"event": "opened", "format": FORMAT, "automl": __version__}]
