def test_status_of_something_else_is_refused(automl, tmp_path):
    result = automl("status", tmp_path)
    assert result.returncode == 2
    assert "is not an experiment folder" in result.stderr
