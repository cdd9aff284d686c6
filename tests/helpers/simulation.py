"""Drives a searcher as runners do, with slots and an order of events that a test chooses."""

from automl.trial.moves import Continue, Done, Start, Wait
from automl.trial.trial import Decision, Failure, FailureKind, Outcome, TrialState

CRASHED = Outcome(TrialState.FAILED, Failure(FailureKind.CRASHED, "broke"))


class Simulation:
    """Trials by number with their values, epoch and state; checks what must always hold."""

    def __init__(self, searcher, score, *, epochs, slots=1):
        self.searcher, self.score, self.full, self.slots = searcher, score, epochs, slots
        self.values, self.epoch, self.state = {}, {}, {}
        self.running, self.log, self.spent = [], [], 0
        self.decisions = []

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
            self.start(move)
        return False

    def start(self, move):
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
        epoch = self.epoch[trial] + 1
        decision = self._tell(trial, epoch, self.score(self.values[trial], epoch))
        self._obey(trial, decision)
        return decision

    def _tell(self, trial, epoch, value):
        self.epoch[trial] = epoch
        self.spent += 1
        decision = self.searcher.report(trial, epoch, value).decision
        self.log.append(("report", trial, epoch, value))
        self.decisions.append(decision)
        return decision

    def _obey(self, trial, decision):
        if decision is not Decision.CONTINUE:
            self.finish(trial, Outcome(decision.state))
        elif self.epoch[trial] >= self.full:
            self.finish(trial, Outcome(TrialState.COMPLETED))

    def fail(self, place=0):
        """Let one running trial fail."""
        self.finish(self.running[place % len(self.running)], CRASHED)

    def finish(self, trial, outcome):
        if trial in self.running:  # A paused one may end too: nobody can go on with it.
            self.running.remove(trial)
        self.state[trial] = outcome.state
        self.searcher.finish(trial, outcome)
        self.log.append(("finish", trial, outcome))

    def cut(self, searcher, count):
        """Return what a new searcher makes of the first events, with the decisions of then.

        A trial whose last event is a report does what it was told, as on a resume.
        """
        again = Simulation(searcher, self.score, epochs=self.full, slots=self.slots)
        for method, *arguments in self.log[:count]:
            {"start": again.start, "report": again._tell, "finish": again.finish}[method](
                *arguments
            )
        assert again.decisions == self.decisions[: len(again.decisions)]
        if again.log and again.log[-1][0] == "report":
            again._obey(again.log[-1][1], again.decisions[-1])
        return again

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
