"""The optional packages of some quantization backends."""

from importlib.util import find_spec

from segformer.errors import SpecError


def check_installed(package: str) -> None:
    """Raise `SpecError` if a backend's package, also the name of its extra, is not installed."""
    if find_spec(package) is None:
        raise SpecError(
            f"quantize.backend: {package} is not installed; install it with: "
            f"pip install 'automl-segformer[{package}]', or use quantize.backend=onnxruntime"
        )
