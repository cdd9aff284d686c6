"""The flags of a search: budget, algorithm and its settings, and the space."""

import argparse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from automl.search_flags import SearchFlags
    from automl.space_flags import SpaceFlags


def add_search(parser: argparse.ArgumentParser) -> None:
    """Add the flags; `search_flags` reads them."""
    add = parser.add_argument
    add("--trials", type=int, metavar="N", help="trials of the search (default 20)")
    add("--epochs", type=int, metavar="N", help="epochs of a full training")
    add("--budget-epochs", type=int, metavar="N", help="epochs of all trials together")
    add("--time", metavar="2h", help="of the search; the limit that is reached first ends it")
    add(
        "--objective",
        action="append",
        default=[],
        metavar="METRIC[:max|min]",
        help="what to optimise (default: as the skill says); several give a Pareto front",
    )
    add(
        "--constraint",
        action="append",
        default=[],
        metavar="METRIC<=LIMIT",
        help="what must hold, e.g. latency_ms<=20; checked before the launch where it can be",
    )
    add(
        "--confirm-seeds",
        type=int,
        default=0,
        metavar="N",
        help="train the best again with N fresh seeds each, and promote the best on average",
    )
    add("--warm-start", metavar="EXPERIMENT|auto", help="learn from earlier searches that fit")
    add(
        "--stop-rule",
        default="on",
        metavar="on|off",
        help="end the search when little improvement is expected (default on)",
    )
    add("--algorithm", metavar="NAME", help="of the search; TAO's names are known")
    add(
        "--set", action="append", default=[], metavar="NAME=VALUE", dest="settings",
        help="a setting of the algorithm, e.g. automl_reduction_factor=4; may be repeated",
    )  # fmt: skip


def search_flags(arguments: argparse.Namespace) -> "SearchFlags":
    """Return what the flags say."""
    from automl.search_flags import SearchFlags
    from automl.spec import parse_assignments

    return SearchFlags(
        algorithm=arguments.algorithm,
        settings=parse_assignments(arguments.settings),
        trials=arguments.trials,
        epochs=arguments.epochs,
        objectives=tuple(arguments.objective),
        constraints=tuple(arguments.constraint),
        confirm_seeds=arguments.confirm_seeds,
        stop_rule=arguments.stop_rule,
        warm_start=arguments.warm_start,
        budget_epochs=arguments.budget_epochs,
        time=arguments.time,
    )


def add_space(parser: argparse.ArgumentParser) -> None:
    """Add the flags of the search space; `space_flags` reads them."""
    add = parser.add_argument
    add("--space", metavar="NAME|FILE", help="overlay of the search space, see search_spaces/")
    add(
        "--search", action="append", default=[], metavar="KEY=EXPR", dest="searched",
        help="search a parameter over log(low,high), uniform(low,high[,step]), choice(a,b,...) "
        "or auto, as the schema says; may be repeated",
    )  # fmt: skip
    add(
        "--fix", action="append", default=[], metavar="KEY=VALUE", dest="fixed",
        help="set a parameter and leave it out of the search; may be repeated",
    )  # fmt: skip


def space_flags(arguments: argparse.Namespace) -> "SpaceFlags":
    """Return what the flags of the space say."""
    from automl.space_flags import SpaceFlags, parse_searched
    from automl.spec import parse_assignments

    return SpaceFlags(
        overlay=arguments.space,
        searched=parse_searched(arguments.searched),
        fixed=parse_assignments(arguments.fixed),
    )
