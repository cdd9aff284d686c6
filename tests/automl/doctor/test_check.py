from automl.doctor.check import in_child


def test_what_a_child_process_dies_of_is_told_in_one_line():
    assert in_child("raise ValueError('broken build')").error == "ValueError: broken build"
    assert "the process ended with -6" in in_child("import os; os.abort()").error
