"""Shortens trainings that the limit of time would cut, so that their schedule ends within it."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from automl.errors import UsageError
from automl.experiment.experiment import Experiment
from automl.formats import counted
from automl.schema.spec import flatten, with_values
from automl.session.preparation import Preparation
from automl.session.tempo import Tempo
from automl.skill.failures import faults_of_the_user
from automl.skill.installed import load_skill
from automl.trial.trial import Trial

TOO_LATE = "what is left of the time is less than an epoch"
MOST_SHORTENINGS = 3
"""Shortenings after which a training runs on until the time is up."""
MARGIN = 1.1
"""How many times their seconds so far the epochs of a shortened training may take."""


@dataclass
class Deadline:
    """Decides by the tempo of the experiment; nothing is shortened without a limit of time."""

    experiment: Experiment
    preparation: Preparation
    tempo: Tempo | None
    pausing: set[int] = field(default_factory=set)
    """Trials that pause only to resume with a sooner last epoch."""

    @classmethod
    def of(cls, experiment: Experiment, preparation: Preparation) -> "Deadline":
        """Return the deadline of an experiment whose journal is not read yet."""
        settings = experiment.settings
        limit = settings.budget.time_s
        return cls(experiment, preparation, None if limit is None else Tempo(limit, settings.pace))

    def following(self, events: Iterable[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
        """Yield events, and take each in once it was used."""
        for event in events:
            yield event
            self.apply(event)

    def apply(self, event: Mapping[str, Any]) -> None:
        """Take in an event of the journal."""
        if self.tempo is not None:
            self.tempo.apply(event)

    def is_too_late(self, driven_s: float) -> bool:
        """Whether a training that starts now would not end its first epoch in time."""
        return self.tempo is not None and self.tempo.epochs_from_start(None, driven_s) == 0

    def of_start(self, trial: Trial, driven_s: float) -> dict[str, Any] | None:
        """Return the event that shortens a trial that starts or resumes now; None: it has time."""
        if self.tempo is None or trial.parent is not None:
            # A copy's first epoch is its parent's, which only its first report tells.
            return None
        return self._event(trial, self.tempo.epochs_from_start(trial.number, driven_s))

    def of_report(self, trial: Trial, driven_s: float) -> dict[str, Any] | None:
        """Return the event that shortens a trial that runs; it must pause for that.

        A pause costs a start, so it has to be worth one, and the last epoch is chosen with a
        margin, lest the next epochs bring another.
        """
        if self.tempo is None:
            return None
        left = self.experiment.end_of(trial) - trial.epoch
        cuts = len(self._cuts(trial))
        if cuts >= MOST_SHORTENINGS or self.tempo.has_time_for(
            left, trial.number, driven_s, shortened=cuts
        ):
            return None
        more = self.tempo.epochs_from_start(trial.number, driven_s, margin=MARGIN)
        event = self._event(trial, more)
        if event is not None:
            self.pausing.add(trial.number)
        return event

    def _event(self, trial: Trial, more: int | None) -> dict[str, Any] | None:
        """Return the event that leaves a trial so many more epochs; None: it needs or has none."""
        if trial.confirms is not None or not more:
            return None
        if trial.epoch + more >= self.experiment.end_of(trial):
            return None
        interval = self.preparation.report_interval(trial)
        epochs = (trial.epoch + more) // interval * interval
        adjusted = self._adjusted(trial, epochs) if epochs > trial.epoch else None
        if adjusted is None:
            return None
        return {
            "event": "shortened",
            "trial": trial.number,
            "epochs": epochs,
            "adjusted": adjusted,
            "reason": f"the time is enough for about {counted(epochs - trial.epoch, 'more epoch')}",
        }

    def _adjusted(self, trial: Trial, epochs: int) -> dict[str, Any] | None:
        """Return the keys that shorten a trial; None if its skill has none or refuses them."""
        info, spec = self.preparation.info, self.experiment.spec_of(trial)
        adjusted: dict[str, Any] = {info.epochs_key: epochs}
        if trial.epoch:
            if info.shortened_key is None:
                return None
            cut = {"after": trial.epoch, "epochs": self.experiment.end_of(trial)}
            adjusted[info.shortened_key] = [*self._cuts(trial), cut]
        try:
            with faults_of_the_user():
                skill = load_skill(self.experiment.settings.skill)
                skill.resolve("train", flatten(with_values(spec, adjusted)))
        except UsageError:  # Of an interval that the epochs must not be fewer than, for example.
            return None
        return adjusted

    def _cuts(self, trial: Trial) -> list[dict[str, int]]:
        """Return the shortenings of a trial that had begun, as its spec has them."""
        key = self.preparation.info.shortened_key
        return [] if key is None else flatten(self.experiment.spec_of(trial)).get(key) or []
