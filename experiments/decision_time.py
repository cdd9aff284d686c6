"""Processor time of a searcher per decision, after N trials of SegFormer's search space.

    OMP_NUM_THREADS=1 python experiments/decision_time.py --searcher auto --after 50 200 500

The trials are simulated: a trial's loss is its distance from a random place, and falls by epoch.
A decision starts or resumes a training; all that the searcher does until the next one counts,
averaged over the 20 trials that start after the first N.
"""

import argparse
import math
import time

import numpy as np

from automl.schema.schema import Schema
from automl.search.algorithms import make_searcher
from automl.search.base import Searcher
from automl.skill.info import schema_path
from automl.skill.installed import load_skill
from automl.space.build import space_from_schema
from automl.space.space import SearchSpace
from automl.trial.budget import Budget
from automl.trial.moves import Continue, Start
from automl.trial.objective import Objective
from automl.trial.trial import Decision, Outcome, TrialState

EPOCHS = 20
OVER = 20
"""Trials that are averaged over."""


def main() -> None:
    """Print a line for each number of trials."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--searcher", default="auto")
    parser.add_argument("--after", type=int, nargs="+", default=[50, 200, 500])
    options = parser.parse_args()
    points = times(options.searcher, max(options.after) + OVER)
    for trials in options.after:
        (before, first), (after, last) = points[trials - 1], points[trials - 1 + OVER]
        seconds = (after - before) / (last - first)
        print(f"{options.searcher} after {trials} trials: {seconds:.3f} s per decision", flush=True)


def times(name: str, trials: int) -> list[tuple[float, int]]:
    """Return processor time and decisions so far, at the start of each trial."""
    skill = load_skill("segformer")
    spec = skill.resolve("train", {"dataset.segment.root_dir": "."})
    space = space_from_schema(Schema.read(schema_path(skill.folder, "train")), spec)
    searcher = make_searcher(
        name, space, Objective("val_miou", "max"), Budget(trials, EPOCHS), seed=0
    )
    simulated = Simulated(space, searcher)
    points: list[tuple[float, int]] = []
    decisions = 0
    while len(points) < trials:
        move = searcher.next()
        assert isinstance(move, Start | Continue)
        searcher.start(move)
        decisions += 1
        if isinstance(move, Start):
            simulated.begin(move)
            points.append((time.process_time(), decisions))
        searcher.finish(move.trial, Outcome(simulated.train(move)))
    return points


class Simulated:
    """The trials: their distance from the best place, and their epochs."""

    def __init__(self, space: SearchSpace, searcher: Searcher) -> None:
        self._space = space
        self._searcher = searcher
        self._best = np.random.default_rng(0).random(len(space.parameters))
        self._distance: dict[int, float] = {}
        self._epoch: dict[int, int] = {}

    def begin(self, move: Start) -> None:
        """Add a new trial."""
        place = np.nan_to_num(self._space.encode(move.values), nan=0.5)
        self._distance[move.trial] = float(np.abs(place - self._best).mean())
        self._epoch[move.trial] = 0

    def train(self, move: Start | Continue) -> TrialState:
        """Report epochs up to the move's, or to where the searcher ends it."""
        trial, decision = move.trial, Decision.CONTINUE
        while decision is Decision.CONTINUE and self._epoch[trial] < move.epochs:
            self._epoch[trial] += 1
            value = 1 - self._distance[trial] * (1 + math.exp(-self._epoch[trial] / 5))
            decision = self._searcher.report(trial, self._epoch[trial], value).decision
        return decision.state


if __name__ == "__main__":
    main()
