import pytest

from automl.errors import UsageError
from automl.plan.plan import plan_from_request
from automl.redact import check_kept_out, printable, redacted, without_user
from automl.request.request import Request


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


@pytest.mark.parametrize(
    "name",
    ["AWS_SECRET_ACCESS_KEY", "AUTOML_REQUEST_KEY", "WANDB_API_KEY", "KEY_PASSPHRASE", "DB_PWD"],
)
def test_secrets_of_the_environment_are_masked(monkeypatch, name):
    monkeypatch.setenv(name, "wJalrXUtnFEMI")
    monkeypatch.setenv("MY_TOKEN", "short")
    assert redacted("said wJalrXUtnFEMI in short") == "said *** in short"


def test_the_working_folder_is_no_secret(monkeypatch):
    monkeypatch.setenv("PWD", "/home/me/project")
    assert redacted("in /home/me/project") == "in /home/me/project"


def test_the_password_of_an_address_in_the_environment_is_masked_also_alone(monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "https://me:hunter2/and@more@host:5000/x?y=a@b")
    assert redacted("said hunter2/and@more") == "said ***"


def test_a_spec_with_the_credentials_of_an_address_is_refused():
    given = {"data": "s3://K:secret@b/x", "plain": "s3://b/y"}
    check_kept_out(given, {"data": "s3://b/x", "plain": "s3://b/y", "list": []})
    with pytest.raises(UsageError, match="^data: the address holds credentials") as caught:
        check_kept_out(given, given)
    assert "secret" not in str(caught.value)


def test_a_skill_that_keeps_credentials_is_not_run_on_them(tmp_path):
    request = Request(skill="toy", data="s3://K:secret@bucket/x", out=tmp_path / "exp")
    with pytest.raises(UsageError, match="--data: the address holds credentials"):
        plan_from_request(request)
    assert not (tmp_path / "exp").exists()


@pytest.mark.parametrize(
    ("uri", "shown"),
    [
        ("http://me:secret@host:5000", "http://host:5000"),
        ("sqlite:////a/b.db", "sqlite:////a/b.db"),
        ("postgresql://u:p@x@host/db", "postgresql://host/db"),
    ],
)
def test_a_password_is_never_shown(uri, shown):
    assert without_user(uri) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b]0;OWNED\x07\x1b[2J", r"\x1b]0;OWNED\x07\x1b[2J"),
        ("a\rb\x9b1mc\x7f", r"a\rb\x9b1mc\x7f"),
        ("no\udcff.png", r"no\udcff.png"),
        ("gnp.\u202eexe", r"gnp.\u202eexe"),
        ("Größe\tin µm\n漢字 🙂", "Größe\tin µm\n漢字 🙂"),
    ],
)
def test_control_characters_are_written_out_and_letters_stay(text, shown):
    assert printable(text) == shown
    assert printable(text).encode()
