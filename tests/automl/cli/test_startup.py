"""How soon something is seen after Enter: what is loaded before it, strictly, and a time.

The time is the processor's, so that a busy machine does not matter; `experiments/startup_time.py`
measures the time on the wall.
"""

import subprocess
import sys

import pytest

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
        ("stderr", ["resume", "nowhere"], "going on with nowhere"),
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
    assert float(seconds) < 0.5  # Measured: 0.06.
