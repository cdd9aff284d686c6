"""How soon a command prints something: no slow library is loaded first, and 0.3 s suffice.

The time is processor time of the child, so a busy machine does not matter;
`experiments/startup_time.py` measures the time on the wall.
"""

import resource
import subprocess
import sys
import tomllib

import pytest
from layers import ROOT

SLOW_TO_LOAD = (
    "torch", "ray", "mlflow", "transformers", "optuna", "pandas", "pytorch_lightning", "onnx",
    "numpy", "scipy", "sklearn", "pydantic", "jsonschema", "yaml", "rich", "argcomplete", "plotly",
)  # fmt: skip
CODE = """
import os, sys, time
class First:
    def write(self, text):
        loaded = [name for name in SLOW_TO_LOAD if name in sys.modules]
        os.write(1, f"{loaded}|{time.process_time()}|{text}".encode())
        os._exit(0)
    def flush(self): pass
SLOW_TO_LOAD, stream, *words = eval(sys.argv[1])
import automl.cli
setattr(sys, stream, First())
automl.cli.main(words)
"""


@pytest.mark.parametrize(
    ("stream", "words", "text"),
    [
        ("stdout", ["--help"], "usage: automl"),
        ("stdout", ["run", "--help"], "usage: automl run"),
        ("stderr", ["run", "--skill", "toy", "--data", "."], "reading the skill"),
        ("stderr", ["resume", "nowhere"], "automl: nowhere: is not an experiment"),
    ],
)
def test_the_first_line_is_there_before_anything_slow_is_loaded(stream, words, text):
    asked = repr((SLOW_TO_LOAD, stream, *words))
    done = subprocess.run(
        [sys.executable, "-c", CODE, asked], capture_output=True, text=True, timeout=120, check=True
    )
    loaded, seconds, first = done.stdout.split("|", 2)
    assert loaded == "[]"
    assert first.startswith(text)
    assert float(seconds) < 0.3  # Measured: 0.06.


@pytest.mark.parametrize("words", [["--help"], ["run", "--help"]])
def test_help_takes_less_than_three_tenths_of_a_second(words):
    """Of processor time of the whole process, its start included; measured: 0.06."""

    def spent():
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, "-m", "automl", *words], check=True, capture_output=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    assert min(spent() for _ in range(3)) < 0.3


INTERRUPTED = """
import importlib, os, signal, sys
class Interrupting:
    def find_spec(self, name, path=None, target=None):
        if name == MODULE:
            os.kill(os.getpid(), signal.SIGINT)
PROGRAM, MODULE = sys.argv[1:3]
sys.meta_path.insert(0, Interrupting())
sys.argv = [PROGRAM, "--help"]
sys.exit(importlib.import_module(f"{PROGRAM}.__main__").main())
"""


@pytest.mark.parametrize(
    ("program", "module"),
    [("automl", "automl.cli"), ("automl", "automl.cli.watch"), ("segformer", "segformer.result")],
)
def test_ctrl_c_while_python_loads_the_command_ends_it_in_silence(program, module):
    words = [sys.executable, "-c", INTERRUPTED, program, module]
    done = subprocess.run(words, capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


@pytest.mark.parametrize("program", ["automl", "segformer"])
def test_almost_nothing_is_loaded_before_a_command_answers_ctrl_c(program):
    code = f"import sys, {program}.__main__; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-S", "-c", code], capture_output=True, text=True,
                          timeout=120, check=True, env={"PYTHONPATH": str(ROOT)})  # fmt: skip
    loaded = done.stdout.split()
    assert "importlib.metadata" not in loaded
    own = {name for name in loaded if name.split(".")[0] == program}
    assert own <= {program, f"{program}.__main__", f"{program}.version"}


def test_the_commands_are_those_that_answer_ctrl_c_while_they_load():
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]
    assert scripts == {name: f"{name}.__main__:main" for name in ("automl", "segformer")}
