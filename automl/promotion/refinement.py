"""More than the best trial: refines its checkpoint from those that are there, without training.

The skill makes each refined checkpoint and compares it with the one before. It is kept only if the
whole interval of its gain on the validation split is above 0, and if the test split does not
contradict.
"""

import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from automl.errors import UsageError
from automl.experiment.experiment import Experiment
from automl.formats import score
from automl.skill.base import Comparison
from automl.skill.failures import faults_of_the_user
from automl.skill.loaded import LoadedSkill
from automl.trial.trial import Trial

MOST_AVERAGED = 4
"""Most trials that are tried as part of an average with the best one."""
MOST_ASKED = 12
"""Most trials of which the skill is asked whether they can be averaged."""
SEVERAL, ONE = "several", "one"


@dataclass(frozen=True)
class Step:
    """One refinement that was tried."""

    kind: str
    trials: tuple[int, ...]
    """The trials whose checkpoints went in, the best first."""
    is_accepted: bool
    why: str
    seconds: float
    before: float | None = None
    """Objective on the validation split."""
    after: float | None = None
    low: float | None = None
    high: float | None = None
    """Bounds of the gain."""

    def text(self) -> str:
        """Return the step in words."""
        trials = ", ".join(f"{number:04d}" for number in self.trials)
        verdict = "kept" if self.is_accepted else "dropped"
        return f"{self.kind} of {trials}: {verdict}, {self.why}"


@dataclass
class Refiner:
    """Refines the checkpoint of one trial, step by step."""

    experiment: Experiment
    skill: LoadedSkill
    folder: Path
    """Where refined checkpoints are written."""
    steps: list[Step] = field(default_factory=list)

    def refine(self, best: Trial, checkpoint: Path) -> Path:
        """Return the refined checkpoint, the given one if nothing was better."""
        self._spec = self.experiment.spec_of(best)
        for kind, inputs in self.skill.info.refinements.items():
            if inputs == SEVERAL:
                checkpoint = self._averaged(kind, best, checkpoint)
            else:
                tried = self._tried(kind, (best.number,), checkpoint, [checkpoint])
                checkpoint = tried or checkpoint
        return checkpoint

    @property
    def value(self) -> float | None:
        """The objective of the refined checkpoint; None if nothing was accepted."""
        accepted = [step for step in self.steps if step.is_accepted]
        return accepted[-1].after if accepted else None

    def to_list(self) -> list[dict[str, Any]]:
        """Return the steps as plain values, each with its text."""
        return [{**asdict(step), "trials": list(step.trials), "text": step.text()}
                for step in self.steps]  # fmt: skip

    def _averaged(self, kind: str, best: Trial, checkpoint: Path) -> Path:
        """Return the greedy average: each further trial stays only if it raises the objective."""
        members: tuple[int, ...] = (best.number,)
        files = [checkpoint]
        for trial, file in self._candidates(best):
            tried = self._tried(kind, (*members, trial.number), checkpoint, [*files, file])
            if tried is not None:
                checkpoint, members, files = tried, (*members, trial.number), [*files, file]
            elif self.steps[-1].after is None:
                self.steps.pop()  # Most trials of a search may be of another architecture.
            if len(self.steps) == MOST_AVERAGED:
                break
        return checkpoint

    def _candidates(self, best: Trial) -> Iterator[tuple[Trial, Path]]:
        """Yield the next best trials that have a checkpoint."""
        name = self.skill.info.checkpoints["best"]
        others = [trial for trial in self.experiment.ranking() if trial is not best]
        for trial in others[:MOST_ASKED]:
            file = self.experiment.paths.trial(trial.number) / name
            if self.experiment.value_of(trial) is not None and file.exists():
                yield trial, file

    def _tried(
        self, kind: str, trials: tuple[int, ...], old: Path, files: Sequence[Path]
    ) -> Path | None:
        """Make and judge a refinement; return its checkpoint if it is kept."""
        started = time.monotonic()
        target = self.folder / f"{len(self.steps)}_{kind}.safetensors"
        try:
            with faults_of_the_user():
                new = self.skill.refine(kind, self._spec, files, target)
                gain = self.skill.compare(kind, self._spec, old, new, split="validation")
                why, is_accepted = self._verdict(kind, old, new, gain)
        except UsageError as error:
            seconds = round(time.monotonic() - started, 3)
            self.steps.append(Step(kind, trials, False, str(error), seconds))
            return None
        self.steps.append(
            Step(
                kind, trials, is_accepted, why, round(time.monotonic() - started, 3),
                gain.before, gain.after, gain.low, gain.high,
            )
        )  # fmt: skip
        return new if is_accepted else None

    def _verdict(self, kind: str, old: Path, new: Path, gain: Comparison) -> tuple[str, bool]:
        metric = self.experiment.settings.objective.metric
        figures = (
            f"{metric} {score(gain.before)} to {score(gain.after)}, gain within "
            f"[{score(gain.low, is_signed=True)}, {score(gain.high, is_signed=True)}]"
        )
        if math.isinf(gain.low) and math.isinf(gain.high):
            values = f"{metric} {score(gain.before)} to {score(gain.after)}"
            return f"{values}: chance cannot be ruled out with {gain.images} images", False
        if not gain.low > 0:
            return f"{figures}: not above chance", False
        test = self.skill.compare(kind, self._spec, old, new, split="test")
        if test.high < 0:
            return f"{figures}: the test split contradicts", False
        return figures, True
