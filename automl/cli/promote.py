"""`automl promote`: a trial of a finished experiment as a verified model."""

import argparse
import contextlib
import sys
from pathlib import Path
from typing import Any

from automl.cli.output import add_output, print_experiment


def add(commands: Any) -> None:
    """Add the commands of this module to the parser."""
    text = "export a trial's checkpoint, prove it equal, and convert it"
    parser = commands.add_parser("promote", help=text, description=text.capitalize() + ".")
    parser.set_defaults(command=_promote)
    parser.add_argument("experiment", type=Path, help="folder of the experiment")
    parser.add_argument("--trial", type=int, metavar="N", help="default: the best")
    parser.add_argument(
        "--to", default="onnx", metavar="LIST", help="onnx,int8,engine (default onnx)"
    )
    parser.add_argument(
        "--max-drop", "--max-miou-drop", type=float, metavar="X",
        help="how much worse than the checkpoint a converted model may be (default 0.005)",
    )  # fmt: skip
    parser.add_argument(
        "--max-logit-difference", type=float, metavar="X",
        help="how far an output of the ONNX model may be from the checkpoint's (default 0.001)",
    )  # fmt: skip
    parser.add_argument(
        "--max-latency-ms", type=float, metavar="X",
        help="how long a promoted model may take for one image, median (default: any time)",
    )  # fmt: skip
    parser.add_argument(
        "--confirm-seeds", type=int, default=0, metavar="N",
        help="first train the best two again with N fresh seeds each; the best on average is "
        "promoted",
    )  # fmt: skip
    add_output(parser, has_progress=False)


def _promote(arguments: argparse.Namespace) -> int:
    from automl.promotion.gates import MAX_DROP, PromotionRequest, parsed_targets
    from automl.session.session import promote

    wanted = PromotionRequest(
        arguments.trial,
        parsed_targets(arguments.to),
        MAX_DROP if arguments.max_drop is None else arguments.max_drop,
        arguments.max_logit_difference,
        arguments.max_latency_ms,
    )
    # Whatever a library prints, stdout is for the result.
    with contextlib.redirect_stdout(sys.stderr):
        experiment = promote(arguments.experiment, wanted, confirm_seeds=arguments.confirm_seeds)
    print_experiment(experiment, is_json=arguments.json)
    return 0
