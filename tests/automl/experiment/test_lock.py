import subprocess
import sys

import pytest

from automl.errors import UsageError
from automl.experiment.lock import ExperimentLock, is_driven
from automl.experiment.paths import ExperimentPaths


def test_an_experiment_has_one_driver_at_a_time(tmp_path):
    paths = ExperimentPaths(tmp_path)
    assert not is_driven(paths)
    with ExperimentLock(paths):
        assert is_driven(paths)
        with (
            pytest.raises(UsageError, match="another process is running this experiment"),
            ExperimentLock(paths),
        ):
            pass
    assert not is_driven(paths)


def test_the_lock_of_a_killed_driver_is_free(tmp_path):
    code = (
        "import os, signal, pathlib\n"
        "from automl.experiment.lock import ExperimentLock\n"
        "from automl.experiment.paths import ExperimentPaths\n"
        f"with ExperimentLock(ExperimentPaths(pathlib.Path({str(tmp_path)!r}))):\n"
        "    os.kill(os.getpid(), signal.SIGKILL)"
    )
    subprocess.run([sys.executable, "-c", code], check=False, timeout=60)
    assert (tmp_path / ".lock").exists()
    assert not is_driven(ExperimentPaths(tmp_path))


def test_asking_whether_one_is_driven_needs_no_writing(tmp_path):
    paths = ExperimentPaths(tmp_path)
    with ExperimentLock(paths):
        pass
    paths.lock.chmod(0o400)
    tmp_path.chmod(0o500)
    before = paths.lock.stat().st_mtime_ns
    assert not is_driven(paths)
    assert paths.lock.stat().st_mtime_ns == before
    tmp_path.chmod(0o700)
