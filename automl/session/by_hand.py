"""Takes requests by hand into a running search: a trial to stop, values to try.

Their answers are journaled first, as all else is, so that a resume knows them.
"""

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from automl.experiment.experiment import Experiment
from automl.experiment.requests import ADD, HandRequest, forget, pending
from automl.search.base import OpenSearcher
from automl.space.space import SearchSpace
from automl.trial.moves import Done, Start, Wait
from automl.trial.trial import Outcome, Trial, TrialState

STOPPED, ADDED = "stopped by hand", "added by hand"
OVER = "the search is over"


class ByHand:
    """The requests of one session; `record` and `finish` journal what becomes of them."""

    def __init__(
        self,
        experiment: Experiment,
        space: SearchSpace,
        *,
        interrupted: deque[int],
        record: Callable[[dict[str, Any], str], None],
        finish: Callable[[int, Outcome, str], None],
    ) -> None:
        self._experiment = experiment
        self._space = space
        self._interrupted = interrupted
        self._record = record
        self._finish = finish
        self._to_add: deque[HandRequest] = deque()
        self._taken: set[str] = set()

    @property
    def has_trial_to_add(self) -> bool:
        """Whether a trial waits for a free slot."""
        return bool(self._to_add)

    def take(self) -> None:
        """Take in new requests; a trial that nothing trains is stopped at once."""
        for request in self._new():
            if request.action == ADD:
                self._to_add.append(request)
            else:
                self._take_stop(request)
        for trial in self._experiment.history.trials.values():
            if trial.is_stop_requested and self._is_idle(trial):
                if trial.number in self._interrupted:
                    self._interrupted.remove(trial.number)
                self._finish(trial.number, Outcome(TrialState.STOPPED), STOPPED)

    def next_start(self, searcher: OpenSearcher, *, refusal: str) -> Start | None:
        """Return the start of the next trial to add, if it may start now.

        With a `refusal`, and if it makes no sense, it is refused.
        """
        # Trial 0 has the defaults.
        while self._to_add and self._experiment.history.trials:
            request = self._to_add[0]
            cause = refusal or self._refusal_of(request)
            move = Done(cause) if cause else searcher.add(request.values)
            if isinstance(move, Wait):
                return None
            self._to_add.popleft()
            if isinstance(move, Start):
                return replace(move, reason=ADDED, request=request.id)
            self._refuse(request, move.reason)
        return None

    def close(self) -> None:
        """Refuse what is left at the end of the search."""
        for request in (*self._to_add, *self._new()):
            self._refuse(request, OVER)

    def _new(self) -> Iterator[HandRequest]:
        paths, answered = self._experiment.paths, self._experiment.history.answered
        for request in pending(paths):
            if request.id in answered:  # The driver was killed before it removed the file.
                forget(paths, request.id)
            elif request.id not in self._taken:
                self._taken.add(request.id)
                yield request

    def _take_stop(self, request: HandRequest) -> None:
        trial = self._experiment.history.trials.get(request.trial)
        if request.fault or trial is None:
            self._refuse(request, request.fault or f"there is no trial {request.trial}")
        elif trial.state.is_final:
            self._refuse(request, f"trial {trial.number:04d} has ended")
        else:
            event = {"event": "stop_requested", "trial": trial.number, "request": request.id}
            self._record(event, "")
            forget(self._experiment.paths, request.id)

    def _is_idle(self, trial: Trial) -> bool:
        return trial.state is TrialState.PAUSED or trial.number in self._interrupted

    def _refusal_of(self, request: HandRequest) -> str:
        """Return why values cannot be tried; empty if they can."""
        trials = self._experiment.history.trials.values()
        if any(trial.confirms is not None for trial in trials):
            return f"{OVER}: its best trials are repeated"
        for trial in trials:
            if trial.values == dict(request.values):
                return f"trial {trial.number:04d} has these values"
        return "; ".join(self._space.faults(request.values))

    def _refuse(self, request: HandRequest, reason: str) -> None:
        asked = request.to_dict()
        self._record({"event": "refused", "request": request.id, "asked": asked}, reason)
        forget(self._experiment.paths, request.id)
