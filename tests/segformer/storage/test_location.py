import pytest

from segformer.errors import SpecError
from segformer.storage.location import Location, is_remote, redacted


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("s3://bucket/data/", "s3://bucket/data"),
        ("S3A://bucket", "s3://bucket"),
        ("s3://KEY:sec/r@et@bucket/data", "s3://bucket/data"),
        ("s3://bucket/a@b/data", "s3://bucket/a@b/data"),
        ("gcs://bucket/data", "gs://bucket/data"),
        ("https://me:pw@host:8080/a@b", "https://host:8080/a@b"),
        ("http://host/a?token=abc", "http://host/a?hidden-906b1a00"),
    ],
)
def test_an_address_is_cleaned_of_credentials(text, clean):
    location = Location.read(text)
    assert location.clean == clean
    assert Location.read(clean).clean == clean
    assert [s for s in ("sec", "pw", "token", "KEY", "abc") if s in repr(location)] == []


def test_credentials_are_read_with_their_escapes():
    location = Location.read("s3://KEY:a%2Fb%40c@bucket/x")
    assert (location.user, location.password) == ("KEY", "a/b@c")
    location = Location.read("http://me:p@host/x")
    assert (location.user, location.password, location.place) == ("me", "p", "host/x")


def test_a_pin_goes_there_and_back():
    pinned = "s3://bucket/data#files=0123456789abcdef"
    assert Location.read(pinned).pin == "0123456789abcdef"
    assert Location.read(pinned).pinned == pinned
    assert Location.read("s3://bucket/data#files=1").place == "bucket/data#files=1"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("ftp://me:secret@host/x", r"ftp://\*\*\*@host/x: addresses begin with s3, s3a"),
        ("s3:///data", "names no bucket"),
        ("http://", "names no host"),
        ("gs://a:secret@bucket/x", "set GOOGLE_APPLICATION_CREDENTIALS"),
    ],
)
def test_an_address_that_cannot_be_read_from_is_refused_without_its_secret(text, words):
    with pytest.raises(SpecError, match=words) as caught:
        Location.read(text)
    assert "secret" not in str(caught.value)


def test_texts_are_redacted():
    text = "cannot read 's3://K:a/b@c@bucket/x', https://h/p?sig=1&x=2 and a@b.org"
    assert redacted(text) == "cannot read 's3://***@bucket/x', https://h/p?*** and a@b.org"


def test_only_texts_with_a_scheme_are_remote():
    assert is_remote("s3://x")
    assert not any(map(is_remote, ("/data", "data", 3, None)))
