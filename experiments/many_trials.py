"""An experiment of many trials without training any, and what it costs to read and resume it.

    python -m experiments.many_trials --trials 1000 --epochs 3

Makes the settings of a search of the toy skill in tests/toy, and writes the journal of its trials:
the search's own values with invented scores. Prints one JSON object: the CPU seconds of
`automl status`, of a resume up to the first epoch that it trains, and of the whole resume, which
trains the last trial and ends the search with importance, report and promotion.
"""

import argparse
import contextlib
import json
import math
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[1]
TOY = ROOT / "tests" / "toy"
sys.path.insert(0, str(TOY))

from automl.experiment.experiment import space_of  # noqa: E402 - the toy has to be found first
from automl.experiment.journal import Journal, opened_event  # noqa: E402
from automl.experiment.observer import ExperimentObserver  # noqa: E402
from automl.experiment.resources import Resources  # noqa: E402
from automl.plan.plan import plan_from_request  # noqa: E402
from automl.request.request import Request  # noqa: E402
from automl.request.search import SearchRequest  # noqa: E402
from automl.search.from_settings import searcher_of  # noqa: E402
from automl.session.session import drive  # noqa: E402
from automl.skill.installed import load_skill  # noqa: E402
from automl.trial.moves import Start  # noqa: E402
from automl.trial.trial import Decision, Outcome, Report, Trial, TrialState  # noqa: E402

SECONDS_BETWEEN_EVENTS = 0.01


def write_experiment(root: Path, *, trials: int, epochs: int, algorithm: str = "random") -> None:
    """Write an experiment that was cut off in its last trial; its journal has a line an event."""
    data = root.parent / "data"
    data.mkdir(parents=True, exist_ok=True)
    request = Request(
        skill="toy",
        data=str(data),
        out=root,
        search=SearchRequest(trials=trials, epochs=epochs, algorithm=algorithm, stop_rule="off"),
        resources=Resources(runner="local"),
        tracker="none",
    )
    plan = plan_from_request(request)
    plan.write()
    space = space_of(plan.paths, plan.settings)
    searcher = searcher_of(plan.settings, space, load_skill("toy").info, [])
    scores = np.random.default_rng(0)
    events = [opened_event()]
    while isinstance(move := searcher.next(), Start):
        searcher.start(move)
        events.append(
            {"event": "start", "trial": move.trial, "values": move.values, "epochs": move.epochs}
        )
        # Below what the toy ever reports: the trial that is trained in earnest has to be the best.
        best = -10 - scores.random()
        for epoch in range(1, epochs + 1):
            metrics = {"score": best * (1 - 0.5**epoch), "loss": 1 - best}
            searcher.report(move.trial, epoch, metrics["score"])
            decision = Decision.CONTINUE.value
            events.append({"event": "report", "trial": move.trial, "epoch": epoch,
                           "metrics": metrics, "decision": decision})  # fmt: skip
        outcome = Outcome(TrialState.COMPLETED)
        searcher.finish(move.trial, outcome)
        events.append({"event": "finish", "trial": move.trial, **outcome.to_dict()})
    Journal(plan.paths.journal).append(
        *(
            {**event, "time": 1.8e9 + number * SECONDS_BETWEEN_EVENTS}
            for number, event in enumerate(events[: -1 - epochs])
        )
    )


def cpu_seconds(*words: str) -> float:
    """Run automl and return the CPU seconds of its process and of what it started."""
    path = os.pathsep.join([str(ROOT), str(TOY), os.environ.get("PYTHONPATH", "")])
    before = _children()
    subprocess.run(
        [sys.executable, "-m", "automl", *words], env={**os.environ, "PYTHONPATH": path},
        stdout=subprocess.DEVNULL, check=True,
    )  # fmt: skip
    return _children() - before


def resume_seconds(root: Path) -> float:
    """Return the CPU seconds of a resume in this process up to its first report.

    A tracker presses Ctrl-C there, so that the experiment can be resumed again.
    """
    watcher, begun = _Interrupting(), time.process_time()
    with contextlib.suppress(KeyboardInterrupt):
        drive(root, watchers=[watcher])
    return watcher.reported_at - begun


class _Interrupting(ExperimentObserver):
    reported_at = math.nan

    def reported(self, trial: Trial, report: Report) -> None:
        self.reported_at = time.process_time()
        raise KeyboardInterrupt


def _children() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def main() -> None:
    """Write an experiment, read it and resume it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=1000)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--algorithm", default="random")
    parser.add_argument("--keep", type=Path, help="folder for the experiment; default: none kept")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        root = (arguments.keep or Path(scratch) / "runs").resolve() / "many"
        write_experiment(
            root, trials=arguments.trials, epochs=arguments.epochs, algorithm=arguments.algorithm
        )
        seconds = {
            "trials": arguments.trials,
            "help_s": round(cpu_seconds("--help"), 2),
            "status_s": round(cpu_seconds("status", str(root)), 2),
            "resume_s": round(resume_seconds(root), 2),
            "resume_to_end_s": round(cpu_seconds("resume", str(root), "--quiet"), 2),
        }
    print(json.dumps(seconds))


if __name__ == "__main__":
    main()
