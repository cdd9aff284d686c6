import socket

import pytest

from automl.errors import UsageError
from automl.tracking.ui import pages, serve


@pytest.mark.parametrize("port", [None, 70_000, -1])
def test_a_busy_or_impossible_port_is_refused_before_mlflow_is_started(tmp_path, monkeypatch, port):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    (tmp_path / "mlflow.db").touch()
    with socket.create_server(("127.0.0.1", 0)) as other:
        busy = other.getsockname()[1] if port is None else port
        with pytest.raises(UsageError, match=f"--port: {busy} cannot be used"):
            serve(tmp_path, port=busy, opens_browser=False)


def test_a_server_is_named_without_its_password(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://me:secret@host:5000/")
    monkeypatch.delenv("DISPLAY", raising=False)
    assert serve(tmp_path) == 0
    assert capsys.readouterr().out == "MLflow UI: http://host:5000\n"


def test_the_latest_comparisons_of_a_folder_are_listed(tmp_path):
    for name in "abcdefg":
        (tmp_path / name).mkdir()
        (tmp_path / name / "mlflow.json").write_text(f'{{"compare": "#/{name}"}}')
    assert len(pages(tmp_path)) == 5
    (tmp_path / "g" / "settings.yaml").touch()
    assert pages(tmp_path / "g") == {"g": "#/g"}
