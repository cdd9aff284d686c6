"""Packages that only some ways to quantize need."""

from importlib.util import find_spec

from segformer.errors import SpecError


def check_installed(package: str) -> None:
    """Raise `SpecError` where a backend's package, which is also its extra, is not installed."""
    if find_spec(package) is None:
        raise SpecError(
            f"quantize.backend: {package} is not installed; install it with: "
            f"pip install -e '.[{package}]', or use quantize.backend=onnxruntime"
        )
