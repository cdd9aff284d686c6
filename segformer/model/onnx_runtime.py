"""Imports ONNX Runtime without its reports of models and machine to Microsoft."""

import os

_OPT_OUT = "ORT_DISABLE_TELEMETRY"  # Read once, by the import.
_is_set = _OPT_OUT in os.environ
os.environ.setdefault(_OPT_OUT, "1")
try:
    import onnxruntime as onnxruntime
finally:
    if not _is_set:
        del os.environ[_OPT_OUT]
