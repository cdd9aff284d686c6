"""What can be said of a run, each under one name.

A name is a flag of `automl run` (`budget_epochs` is --budget-epochs), a key of an experiment file
and a keyword of `automl.run`. All three are made from this table.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Options = Mapping[str, Any]
"""What was said under each name: a value, a tuple of texts, or a flat mapping."""


@dataclass(frozen=True)
class Key:
    """One name, what it takes and what it is for."""

    name: str
    help: str
    kind: str = "text"
    """text, whole (number), number, switch (on, off), texts, or mapping."""
    metavar: str | None = None
    default: str | None = None
    """What holds when nothing is said, for people."""
    example: str | None = None
    """What the file that `automl init` writes shows where there is no default."""
    is_of_search: bool = False
    """Whether it has no use in a plain training."""
    more_flags: tuple[str, ...] = ()

    @property
    def flag(self) -> str | None:
        """The flag; None for the spec, whose settings stand as words of their own."""
        return None if self.name == "spec" else f"--{self.name.replace('_', '-')}"


KEYS: tuple[Key, ...] = (
    Key("skill", "installed skill, or the folder of one; may be left out where there is just one"),
    Key(
        "data", "folder of the data set, or its URI", metavar="DIR", example="my_data",
        more_flags=("--train-datasets",),
    ),
    Key("trials", "trials of the search", "whole", "N", default="20", is_of_search=True),
    Key(
        "epochs", "epochs of a full training", "whole", "N",
        default="as the skill's spec says", example="50",
    ),
    Key(
        "budget_epochs", "epochs of all trials together", "whole", "N", example="500",
        is_of_search=True,
    ),
    Key(
        "time", "time of the search; the limit that is reached first ends it", metavar="2h",
        example="2h", is_of_search=True,
    ),
    Key(
        "objective", "what to optimise; several give a Pareto front", "texts", "METRIC[:max|min]",
        default="as the skill says", example="[val_miou:max, latency_ms:min]", is_of_search=True,
    ),
    Key(
        "constraint",
        "what must hold, e.g. latency_ms<=20; checked before the launch where it can be",
        "texts", "METRIC<=LIMIT", example="[latency_ms<=20]", is_of_search=True,
    ),
    Key(
        "confirm_seeds",
        "train the best again with N fresh seeds each, and promote the best on average",
        "whole", "N", default="0", is_of_search=True,
    ),
    Key(
        "warm_start", "learn from earlier searches that fit", metavar="EXPERIMENT|auto",
        example="auto", is_of_search=True,
    ),
    Key(
        "stop_rule", "end the search when little improvement is expected", "switch", "on|off",
        default="on", is_of_search=True,
    ),
    Key(
        "algorithm", "who searches; TAO's names are known", metavar="NAME", default="auto",
        is_of_search=True,
    ),
    Key(
        "set", "a setting of the algorithm, e.g. automl_reduction_factor=4", "mapping",
        "NAME=VALUE", example="{automl_reduction_factor: 4}", is_of_search=True,
    ),
    Key(
        "space", "overlay of the search space, see search_spaces/", metavar="NAME|FILE",
        example="wide", is_of_search=True,
    ),
    Key(
        "search",
        "search a parameter over log(low,high), uniform(low,high[,step]), choice(a,b,...) "
        "or auto, as the schema says", "mapping", "KEY=EXPR",
        example="{train.optim.lr: 'log(1e-5,1e-3)'}", is_of_search=True,
    ),
    Key(
        "fix", "set a parameter and leave it out of the search", "mapping", "KEY=VALUE",
        example="{train.optim.lr: 1.0e-3}",
    ),
    Key("spec", "settings of the spec", "mapping", "key.sub=value",
        example="{train: {optim: {lr: 1.0e-3}}}"),
    Key(
        "policy", "off: one plain training, no search", "switch", "auto|off", default="auto",
    ),
    Key(
        "request", "the request in words; 'no HPO' in it is --policy off", metavar="TEXT",
        example="find a good model",
    ),
    Key(
        "runner", "ray, or local: in this process, one at a time", metavar="ray|local",
        default="ray; local with --policy off", example="ray",
    ),
    Key("concurrency", "trials at once", "whole", "N", default="GPUs, else cores", example="2"),
    Key(
        "cpus_per_trial", "cores of each trial", "number", "N", default="an even share",
        example="1",
    ),
    Key(
        "gpus_per_trial", "GPUs of each trial; 0.5: two trials share one", "number", "N",
        default="an even share", example="0.5",
    ),
    Key(
        "memory_per_trial", "each trial is placed where so much memory is left", metavar="8GB",
        example="8GB",
    ),
    Key(
        "address", "join a running Ray cluster", metavar="auto|HOST:PORT|ray://HOST:PORT",
        example="auto",
    ),
    Key("seed", "seed of the search", "whole", "N", default="0"),
    Key("tracker", "who is told: mlflow or none", metavar="mlflow|none", default="mlflow"),
    Key(
        "out", "the experiment's folder, new", metavar="DIR", default="runs/SKILL-TIME",
        example="runs/mine",
    ),
)  # fmt: skip
BY_NAME: Mapping[str, Key] = {key.name: key for key in KEYS}
