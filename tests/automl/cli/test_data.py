def test_data_sample_writes_a_set_and_refuses_a_full_folder(automl, tmp_path):
    assert automl("data", "sample", "set", "--skill", "toy", "--seed", 3).returncode == 0
    assert (tmp_path / "set" / "data.txt").read_text() == "3"
    result = automl("data", "sample", "set", "--skill", "toy")
    assert result.returncode == 2
    assert "is not empty" in result.stderr
