import pytest

from automl.errors import UsageError
from automl.experiment.settings import trackers_named
from automl.plan.checks import check_signed_in


@pytest.mark.parametrize(
    ("text", "names"),
    [("mlflow", ("mlflow",)), ("none", ()), ("tensorboard, mlflow", ("tensorboard", "mlflow")),
     ("mlflow,mlflow", ("mlflow",))],
)  # fmt: skip
def test_trackers_are_listed_by_commas(text, names):
    assert trackers_named(text) == names


@pytest.mark.parametrize(
    ("text", "match"),
    [("mlflo", "did you mean mlflow"), ("none,mlflow", "none alone"), ("", "is not one of")],
)
def test_another_tracker_is_refused(text, match):
    with pytest.raises(UsageError, match=match):
        trackers_named(text)


def test_wandb_is_refused_where_it_would_ask_for_a_key(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("WANDB_MODE", "WANDB_API_KEY", "NETRC", "WANDB_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(UsageError, match="run wandb login, or set WANDB_MODE=offline"):
        check_signed_in(["wandb"])
    check_signed_in(["mlflow", "tensorboard"])
    monkeypatch.setenv("WANDB_MODE", "offline")
    check_signed_in(["wandb"])


def test_wandb_is_taken_with_a_login(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("WANDB_MODE", "WANDB_API_KEY", "WANDB_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    netrc = tmp_path / ".netrc"
    netrc.write_text("machine api.wandb.ai login user password word\n")
    netrc.chmod(0o600)
    check_signed_in(["wandb"])
