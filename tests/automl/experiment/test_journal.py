import json

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
    with pytest.raises(UsageError, match="line 2: is not an event"):
        list(Journal(path).read())


def test_a_journal_of_another_format_names_the_version_that_reads_it(tmp_path):
    path = tmp_path / "journal.jsonl"
    path.write_text('{"event": "opened", "format": 3, "automl": "0.9.0"}\n')
    with pytest.raises(UsageError, match=r"has format 3, and automl .* read it with automl 0.9.0"):
        list(Journal(path).read())


def test_a_session_begins_with_the_format_and_the_version(tmp_path):
    journal = Journal(tmp_path / "journal.jsonl")
    journal.append(opened_event())
    assert list(journal.read()) == [{"event": "opened", "format": FORMAT, "automl": __version__}]


@pytest.fixture
def lines(tmp_path):
    """Return the lines of a journal of a session that was closed."""
    journal = Journal(tmp_path / "journal.jsonl")
    for event in (opened_event(), {"event": "a"}, {"event": "b"}, {"event": "closed"}):
        journal.append(event)
    return journal.path.read_bytes().splitlines(keepends=True)


@pytest.mark.parametrize(
    ("harm", "line"),
    [
        (lambda lines: lines[:1] + lines[2:], 2),
        (lambda lines: [*lines[:2], *lines[1:]], 3),
        (lambda lines: [lines[0], lines[2], lines[1], lines[3]], 2),
        (lambda lines: [lines[0], lines[1].replace(b"a", b"b"), *lines[2:]], 2),
        (lambda lines: [*lines[:2], b'{"event": "b"}\n'], 3),
    ],
)
def test_a_line_that_is_lost_doubled_moved_or_changed_is_named(tmp_path, lines, harm, line):
    (tmp_path / "journal.jsonl").write_bytes(b"".join(harm(lines)))
    with pytest.raises(UsageError, match=rf"journal.jsonl: line {line}: .*fsck"):
        list(Journal(tmp_path / "journal.jsonl").read())


def test_the_checksums_of_a_journal_go_on_in_another_process(tmp_path, lines):
    journal = tmp_path / "journal.jsonl"
    Journal(journal).append({"event": "c"})
    events = list(Journal(journal).read())
    assert [event["event"] for event in events] == ["opened", "a", "b", "closed", "c"]
    assert all("crc" in json.loads(line) for line in journal.read_bytes().splitlines())
    assert all("crc" not in event for event in events)


def test_an_older_journal_is_read_and_goes_on_with_checksums(tmp_path):
    journal = Journal(tmp_path / "journal.jsonl")
    journal.path.write_text('{"event": "opened"}\n{"event": "a"}\n')
    journal.append(opened_event())
    journal.append({"event": "b"})
    assert [event["event"] for event in journal.read()] == ["opened", "a", "opened", "b"]
    with journal.path.open("a") as file:
        file.write('{"event": "c"}\n')
    with pytest.raises(UsageError, match="line 5: has no checksum"):
        list(journal.read())
