import json
import platform

from automl.doctor.mlflow import newest_schema


def test_the_command_reports_every_part_with_its_state_and_advice(automl, tmp_path, monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    done = automl("doctor", "--quick", "--json")
    checks = {check["name"]: check for check in json.loads(done.stdout)["checks"]}
    assert checks["Python"]["status"] == "ok"
    assert checks["Python"]["found"].startswith(platform.python_version())
    assert "torch 2" in checks["libraries (train)"]["found"]
    assert " cores, " in checks["CPU"]["found"]
    assert "torch" in checks["GPU"]["found"]
    assert f"free in {tmp_path}" in checks["disk"]["found"]
    assert "not started" in checks["Ray"]["found"]
    assert checks["MLflow"]["found"] == "no runs/mlflow.db yet; the first run creates it"
    assert "train, evaluate, inference" in checks["skill segformer"]["found"]
    assert checks["skill toy"]["advice"] == "automl skill check toy"
    assert {"TensorRT", "extras"} <= checks.keys()


def test_without_a_problem_the_exit_code_is_0(automl, tmp_path):
    done = automl("doctor", "--quick", "--json")
    problems = [c for c in json.loads(done.stdout)["checks"] if c["status"] == "problem"]
    assert (problems, done.returncode) == ([], 0)
    assert newest_schema() is not None


def test_a_problem_is_exit_1_and_says_what_to_do(automl, tmp_path):
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "mlflow.db").write_text("no database")
    done = automl("doctor", "--quick")
    assert done.returncode == 1
    assert "problem  MLflow" in done.stdout and "-> move runs/mlflow.db aside" in done.stdout
