"""The table of the options of a run, each under one name.

A name is a flag of `automl run` (`budget_epochs` is --budget-epochs), a key of an experiment file
and a keyword of `automl.run`. All three are made from this table.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Options = Mapping[str, Any]
"""Values of options by name: one value, a tuple of texts, or a flat mapping."""


@dataclass(frozen=True)
class Option:
    """One option: its name, the kind of its value, and its help."""

    name: str
    help: str
    kind: str = "text"
    """text, whole (number), number, switch (on, off), flag (no value), place (a text; in a file
    also a mapping), texts, or mapping."""
    metavar: str | None = None
    default: str | None = None
    """The default, described for people."""
    example: str | None = None
    """Shown in the file that `automl init` writes if there is no default."""
    is_of_search: bool = False
    """Whether only a search uses it; a plain training refuses it."""
    more_flags: tuple[str, ...] = ()

    @property
    def flag(self) -> str | None:
        """The flag; None for the spec, whose settings are given as `key.sub=value`."""
        return None if self.name == "spec" else f"--{self.name.replace('_', '-')}"


_TABLE = (
    Option("skill", "installed skill, or the folder of one; optional if just one is installed"),
    Option(
        "data", "folder of the data set, or its URI; in a file also paths, "
        "{train: {images: DIR, masks: DIR}, val: ...}", "place", metavar="DIR", example="my_data",
        more_flags=("--train-datasets",),
    ),
    Option(
        "strict_data", "refuse data in which images show the same as others", "flag",
        example="true",
    ),
    Option("trials", "trials of the search", "whole", "N", default="20", is_of_search=True),
    Option(
        "epochs", "epochs of a full training", "whole", "N",
        default="from the skill's spec", example="50",
    ),
    Option(
        "budget_epochs", "epochs of all trials together", "whole", "N", example="500",
        is_of_search=True,
    ),
    Option(
        "time", "time limit of the search; the first limit reached ends it", metavar="2h",
        example="2h", is_of_search=True,
    ),
    Option(
        "budget_cost", "cost of the search at --price-per-hour; limits its time", "number", "X",
        example="20", is_of_search=True,
    ),
    Option(
        "price_per_hour", "price of an hour of all that the search runs on", "number", "X",
        example="2.5", is_of_search=True,
    ),
    Option(
        "objective", "what to optimise; several give a Pareto front", "texts", "METRIC[:max|min]",
        default="the skill's metric", example="[val_miou:max, latency_ms:min]", is_of_search=True,
    ),
    Option(
        "constraint",
        "a limit on a metric, e.g. latency_ms<=20; checked before a trial starts if possible",
        "texts", "METRIC<=LIMIT", example="[latency_ms<=20]", is_of_search=True,
    ),
    Option(
        "confirm_seeds",
        "train the best two again with N fresh seeds each; promote the best on average",
        "whole", "N", default="0", is_of_search=True,
    ),
    Option(
        "warm_start", "learn from earlier searches that fit", metavar="EXPERIMENT|auto",
        example="auto", is_of_search=True,
    ),
    Option(
        "stop_rule", "end the search when little improvement is expected", "switch", "on|off",
        default="on", is_of_search=True,
    ),
    Option(
        "algorithm", "search algorithm; TAO's names are accepted", metavar="NAME", default="auto",
        is_of_search=True,
    ),
    Option(
        "set", "option of the algorithm, e.g. automl_reduction_factor=4", "mapping",
        "NAME=VALUE", example="{automl_reduction_factor: 4}", is_of_search=True,
    ),
    Option(
        "space", "overlay of the search space, see search_spaces/", metavar="NAME|FILE",
        example="wide", is_of_search=True,
    ),
    Option(
        "search",
        "search a parameter over log(low,high), uniform(low,high[,step]), choice(a,b,...) "
        "or auto for the range of the schema", "mapping", "KEY=EXPR",
        example="{train.optim.lr: 'log(1e-5,1e-3)'}", is_of_search=True,
    ),
    Option(
        "fix", "set a parameter and do not search it", "mapping", "KEY=VALUE",
        example="{train.optim.lr: 1.0e-3}",
    ),
    Option(
        "keep", "do not search a parameter, or any of a section, such as augmentation", "texts",
        "KEY|NAME", example="[augmentation]", is_of_search=True,
    ),
    Option("spec", "settings of the spec", "mapping", "key.sub=value",
        example="{train: {optim: {lr: 1.0e-3}}}"),
    Option(
        "weights",
        "initial weights of the model: auto takes the best on this machine, none those of the spec",
        metavar="auto|none|NAME|FILE", default="auto if the skill knows weights", example="auto",
    ),
    Option(
        "download", "let --weights fetch what is not on this machine", "flag", example="true",
    ),
    Option(
        "to", "models to make of the best trial: onnx, int8, engine, deepstream; triton packages "
        "them", "texts", "LIST", default="onnx", example="[onnx, int8]",
    ),
    Option(
        "refine",
        "after the search: average checkpoints, mirror at prediction and tune class biases, each "
        "kept only if validation says so; costs about a validation for each, up to 8", "switch",
        "on|off", default="off",
    ),
    Option(
        "qat",
        "epochs of quantization-aware fine-tuning of the int8 model, kept only if it is better for "
        "it", "whole", "N", default="0", example="3",
    ),
    Option(
        "min_objective", "objective that the model needs to be registered as champion", "number",
        "X", example="0.5",
    ),
    Option(
        "policy", "off: one plain training, no search", "switch", "auto|off", default="auto",
    ),
    Option(
        "request", "the request in words: limits, budget, what to keep; 'no HPO' in it means "
        "--policy off", metavar="TEXT",
        example="find a good model",
    ),
    Option(
        "request_model", "OpenAI-compatible server that rewords what --request leaves unread; "
        "AUTOML_REQUEST_KEY holds its key", metavar="http://HOST:PORT/v1#MODEL",
        example="http://127.0.0.1:8000/v1#llama",
    ),
    Option(
        "runner", "ray, or local: in this process, one at a time", metavar="ray|local",
        default="ray; local with --policy off", example="ray",
    ),
    Option("concurrency", "trials at once", "whole", "N", default="GPUs, else cores", example="2"),
    Option(
        "cpus_per_trial", "CPU cores of each trial", "number", "N", default="an even share",
        example="1",
    ),
    Option(
        "gpus_per_trial", "GPUs of each trial; 0.5: two trials share one", "number", "N",
        default="an even share", example="0.5",
    ),
    Option(
        "memory_per_trial", "place each trial only on a machine with this much free memory",
        metavar="8GB", example="8GB",
    ),
    Option(
        "address", "join a running Ray cluster", metavar="auto|HOST:PORT|ray://HOST:PORT",
        example="auto",
    ),
    Option(
        "hang_limit", "end a training that reports nothing for this long; it is tried twice more",
        metavar="10m|off", default="auto: 20 times the longest epoch, at least 10m", example="1h",
    ),
    Option("seed", "seed of the search", "whole", "N", default="0"),
    Option(
        "tracker", "experiment trackers, joined by commas: mlflow, tensorboard, wandb; or none",
        metavar="LIST", default="mlflow", example="mlflow,tensorboard",
    ),
    Option(
        "out", "new folder for the experiment", metavar="DIR", default="runs/SKILL-TIME",
        example="runs/mine",
    ),
)  # fmt: skip
RUN_OPTIONS: Mapping[str, Option] = {option.name: option for option in _TABLE}
"""The options of a run by name, in the order of help and reference."""
