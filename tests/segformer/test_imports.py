import json
import subprocess
import sys
from pathlib import Path

from paths import HELPERS

import segformer


def test_importing_our_modules_changes_no_environment_logger_filter_or_generator():
    root = Path(segformer.__file__).parent
    files = [path.relative_to(root.parent).with_suffix("") for path in root.rglob("*.py")]
    names = sorted(".".join(path.parts) for path in files if not path.name.startswith("__"))
    command = [sys.executable, str(HELPERS / "import_changes.py"), *names]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == []


def test_what_needs_no_training_loads_no_library_of_trainings_nor_of_encoders():
    code = (
        "import sys, segformer.api, segformer.evaluation.evaluate, segformer.export.onnx\n"
        "import segformer.quantization.quantize, segformer.engine.engine\n"
        "print({'pytorch_lightning', 'torchmetrics', 'transformers', 'torch._dynamo', 'scipy'}"
        " & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
