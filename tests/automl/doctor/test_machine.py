import os
from pathlib import Path

import pytest

from automl.doctor import machine
from automl.doctor.check import OK, PROBLEM


@pytest.mark.slow
def test_a_ray_of_its_own_is_started_and_its_time_is_told(monkeypatch):
    monkeypatch.setenv("RAY_ADDRESS", "127.0.0.1:1")
    check = machine.ray(is_quick=False)
    assert check.status == OK, check.found
    assert "started and ran a task in" in check.found


def test_a_folder_that_cannot_be_written_is_a_problem(tmp_path):
    assert machine.disk(tmp_path / "not" / "yet").status != PROBLEM
    if os.access("/proc/1", os.W_OK):
        pytest.skip("this user may write anywhere")
    assert machine.disk(Path("/proc/1")).status == PROBLEM
