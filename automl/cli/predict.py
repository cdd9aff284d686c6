"""`automl predict`: a promoted model on images."""

import argparse
import contextlib
import sys
from typing import Any

from automl.cli.flags import user_path
from automl.cli.output import show


def add(commands: Any) -> None:
    """Add the commands of this module to the parser."""
    text = "run a promoted model on images"
    parser = commands.add_parser("predict", help=text, description=text.capitalize() + ".")
    parser.set_defaults(command=_predict)
    parser.add_argument("model", help="a model file, or an experiment by its folder or name")
    parser.add_argument(
        "images", nargs="+", help="image files, folders of them, patterns (photos/*.jpg) or URLs"
    )
    parser.add_argument("--out", type=user_path, required=True, metavar="DIR", help="new folder")
    parser.add_argument("--skill", help="installed skill (default: the one that wrote the model)")
    parser.add_argument("--set", action="append", default=[], metavar="key=value", dest="settings",
                        help="setting of inference")  # fmt: skip
    parser.add_argument(
        "--probabilities", action="store_true",
        help="also write the probabilities of the classes, calibrated if the model is",
    )  # fmt: skip
    parser.add_argument(
        "--json", action="store_true", help="print one JSON object on stdout and nothing else"
    )


def _predict(arguments: argparse.Namespace) -> int:
    from automl.files import json_text
    from automl.promotion.named_model import named_model
    from automl.promotion.predict import predict
    from automl.schema.spec import parse_assignments

    skill, model = named_model(arguments.model, arguments.skill)
    # Libraries may print; stdout is kept for the result.
    with contextlib.redirect_stdout(sys.stderr):
        result = predict(
            skill,
            model,
            arguments.images,
            arguments.out,
            parse_assignments(arguments.settings),
            with_probabilities=arguments.probabilities,
        )
    artifacts = {name: str(path) for name, path in result.artifacts.items()}
    if arguments.json:
        print(json_text({"artifacts": artifacts, "metrics": dict(result.metrics)}))
    else:
        show("\n".join(f"{name}: {path}" for name, path in artifacts.items()))
    return 0
