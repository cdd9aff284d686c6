"""Drives a searcher as runners do, with slots and an order of events that a test chooses."""

from automl.search.base import Continue, Done, Start, Wait
from automl.trial import Decision, Failure, FailureKind, Outcome, TrialState

CRASHED = Outcome(TrialState.FAILED, Failure(FailureKind.CRASHED, "broke"))
_ENDS = {Decision.PAUSE: TrialState.PAUSED, Decision.STOP: TrialState.STOPPED}


class Simulation:
    """Trials by number with their values, epoch and state; checks what must always hold."""

    def __init__(self, searcher, score, *, epochs, slots=1):
        self.searcher, self.score, self.full, self.slots = searcher, score, epochs, slots
        self.values, self.epoch, self.state = {}, {}, {}
        self.running, self.log, self.spent = [], [], 0

    def fill(self):
        """Ask for each free slot; return whether the search is done."""
        while len(self.running) < self.slots:
            move = self.searcher.next()
            assert move == self.searcher.next(), "asking changes nothing"
            if isinstance(move, Wait):
                assert self.running, "waits although nothing runs"
                return False
            if isinstance(move, Done):
                return not self.running
            self._start(move)
        return False

    def _start(self, move):
        if isinstance(move, Start):
            assert move.trial not in self.values, "a number is used once"
            self.values[move.trial] = move.values
            self.epoch[move.trial] = 0
            if move.parent is not None:
                assert self.state[move.parent] is not TrialState.RUNNING
                self.epoch[move.trial] = self.epoch[move.parent]
        else:
            assert isinstance(move, Continue)
            assert self.state[move.trial] is TrialState.PAUSED, "only a paused trial goes on"
            assert self.epoch[move.trial] < move.epochs
        assert move.epochs <= self.full
        self.searcher.start(move)
        self.log.append(("start", move))
        self.state[move.trial] = TrialState.RUNNING
        self.running.append(move.trial)

    def report(self, place=0):
        """Let one running trial report its next epoch, and end where it is told to."""
        trial = self.running[place % len(self.running)]
        self.epoch[trial] += 1
        self.spent += 1
        value = self.score(self.values[trial], self.epoch[trial])
        decision = self.searcher.report(trial, self.epoch[trial], value)
        self.log.append(("report", trial, self.epoch[trial], value))
        if decision is not Decision.CONTINUE:
            self.finish(trial, Outcome(_ENDS[decision]))
        elif self.epoch[trial] >= self.full:
            self.finish(trial, Outcome(TrialState.COMPLETED))
        return decision

    def fail(self, place=0):
        """Let one running trial fail."""
        self.finish(self.running[place % len(self.running)], CRASHED)

    def finish(self, trial, outcome):
        self.running.remove(trial)
        self.state[trial] = outcome.state
        self.searcher.finish(trial, outcome)
        self.log.append(("finish", trial, outcome))

    def run(self, limit=20_000):
        """Run to the end, the slots in turn."""
        for step in range(limit):
            if self.fill():
                return self
            self.report(step)
        raise AssertionError("the search does not end")


def replayed(searcher, log):
    """Tell a new searcher what another was told."""
    for method, *arguments in log:
        getattr(searcher, method)(*arguments)
    return searcher
