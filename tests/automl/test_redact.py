import pytest

from automl.redact import redacted


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("--data=s3://KEY:se/cr@et@bucket/data", "--data=s3://***@bucket/data"),
        ("'https://me:pw@host/a?token=b#c' x", "'https://***@host/a?***#c' x"),
        ("postgresql://u:p@h/db", "postgresql://***@h/db"),
        ("plain a@b.org, x?y=z", "plain a@b.org, x?y=z"),
    ],
)
def test_an_address_loses_user_password_and_query(text, shown):
    assert redacted(text) == shown


def test_secrets_of_the_environment_are_masked(monkeypatch):
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI")
    monkeypatch.setenv("MY_TOKEN", "short")
    assert redacted("said wJalrXUtnFEMI in short") == "said *** in short"
