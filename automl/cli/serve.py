"""`automl serve`: a model over HTTP."""

import argparse
from importlib.util import find_spec
from typing import Any

_PACKAGES = ("fastapi", "uvicorn", "python_multipart", "prometheus_client")


def add(commands: Any) -> None:
    """Add the commands of this module to the parser."""
    text = "serve a model over HTTP: pictures in, masks out"
    parser = commands.add_parser("serve", help=text, description=text.capitalize() + ".")
    parser.set_defaults(command=_serve)
    parser.add_argument("model", help="a model file, or an experiment by its folder or name")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on; default: only "
                        "this machine; there is no password")  # fmt: skip
    parser.add_argument("--port", type=int, default=0, help="default: a free one")
    parser.add_argument("--skill", help="installed skill (default: the one that wrote the model)")
    parser.add_argument("--max-mb", type=float, default=20.0, metavar="X",
                        help="largest request (default 20)")  # fmt: skip
    parser.add_argument("--timeout", type=float, default=30.0, metavar="SECONDS",
                        help="longest wait for a prediction (default 30)")  # fmt: skip
    parser.add_argument("--batch", type=int, default=8, metavar="N",
                        help="most pictures that are predicted at once (default 8)")  # fmt: skip
    parser.add_argument("--waiting", type=int, default=64, metavar="N",
                        help="most pictures that wait (default 64)")  # fmt: skip


def _serve(arguments: argparse.Namespace) -> int:
    from automl.errors import Fault, UsageError, not_allowed
    from automl.version import install_command

    missing = [name for name in _PACKAGES if find_spec(name) is None]
    if missing:
        raise UsageError(Fault(f"automl serve needs {', '.join(missing)}; install it with: "
                               f"{install_command('serve')}"))  # fmt: skip
    values = {
        "--max-mb": arguments.max_mb, "--timeout": arguments.timeout,
        "--batch": arguments.batch, "--waiting": arguments.waiting,
    }  # fmt: skip
    faults = [not_allowed(name, value, "over 0") for name, value in values.items() if not value > 0]
    if faults:
        raise UsageError(*faults)
    from automl.promotion.named_model import named_model
    from automl.serving.app import Limits
    from automl.serving.server import serve

    limits = Limits(arguments.max_mb, arguments.timeout, arguments.batch, arguments.waiting)
    skill, path = named_model(arguments.model, arguments.skill)
    serve(skill, path, limits, host=arguments.host, port=arguments.port)
    return 0
