"""`automl promote`: makes a verified model of a trial of a finished experiment."""

import argparse
import contextlib
import sys
from typing import Any

from automl.cli.output import add_experiment, add_output, print_promoted


def add(commands: Any) -> None:
    """Add the commands of this module to the parser."""
    text = "export a trial's checkpoint, verify the model, and convert it"
    parser = commands.add_parser("promote", help=text, description=text.capitalize() + ".")
    parser.set_defaults(command=_promote)
    add_experiment(parser)
    parser.add_argument("--trial", type=int, metavar="N", help="default: the best")
    parser.add_argument(
        "--to",
        metavar="LIST",
        help="onnx,int8,engine,triton,deepstream (default: those of the last promotion, or of the "
        "run)",
    )
    parser.add_argument(
        "--max-drop", "--max-miou-drop", type=float, metavar="X",
        help="largest loss of the metric in a converted model (default 0.005)",
    )  # fmt: skip
    parser.add_argument(
        "--max-logit-difference", type=float, metavar="X",
        help="largest difference of an output of the ONNX model from the checkpoint's "
        "(default 0.001)",
    )  # fmt: skip
    parser.add_argument(
        "--max-latency-ms", type=float, metavar="X",
        help="largest median latency of a promoted model for one image (default: no limit)",
    )  # fmt: skip
    parser.add_argument(
        "--min-objective", type=float, metavar="X",
        help="objective that the model needs to be registered as champion (default: that of the "
        "run)",
    )  # fmt: skip
    parser.add_argument(
        "--refine",
        action="store_true",
        help="first average checkpoints, mirror at prediction and tune class biases; each is kept "
        "only if validation says so",
    )
    parser.add_argument(
        "--qat", type=int, default=0, metavar="EPOCHS",
        help="first fine-tune the weights of the int8 model, rounded as in 8 bits; kept only if it "
        "is better for it",
    )  # fmt: skip
    parser.add_argument(
        "--confirm-seeds", type=int, default=0, metavar="N",
        help="first train the best two again with N fresh seeds each; promote the best on average",
    )  # fmt: skip
    add_output(parser, has_progress=False)


def _promote(arguments: argparse.Namespace) -> int:
    from automl.experiment.paths import experiment_folder
    from automl.promotion.gates import MAX_DROP, PromotionRequest
    from automl.request.parsing import parsed_targets
    from automl.session.session import promote

    request = PromotionRequest(
        arguments.trial,
        None if arguments.to is None else parsed_targets(arguments.to),
        MAX_DROP if arguments.max_drop is None else arguments.max_drop,
        arguments.max_logit_difference,
        arguments.max_latency_ms,
        arguments.min_objective,
        arguments.refine,
        arguments.qat,
    )
    root = experiment_folder(arguments.experiment)
    # Libraries may print; stdout is kept for the result.
    with contextlib.redirect_stdout(sys.stderr):
        experiment = promote(root, request, confirm_seeds=arguments.confirm_seeds)
    print_promoted(experiment, is_json=arguments.json)
    return 0
