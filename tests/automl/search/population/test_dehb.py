import pytest
from samplers import SPACE, loss_of, mean_loss

from automl.search.population.dehb import DehbProposer, DehbRule, Populations
from automl.trial.moves import Continue, Start
from automl.trial.trial import Decision, Outcome, TrialState


class Search:
    """A rule and a proposer that share their populations, as the searcher drives them."""

    def __init__(self):
        self.populations = Populations()
        self.rule = DehbRule(self.populations, 9)
        self.proposer = DehbProposer(SPACE, self.populations, self.rule, seed=0)

    def trial(self, number, *, outcome=None):
        values = self.proposer.suggest(number)
        epochs = self.rule.first_epochs(number)
        self.proposer.start(number, values)
        self.rule.start(Start(number, values, epochs))
        verdict = self.rule.report(number, epochs, (loss_of(values),))
        is_full = epochs == 9
        ended = outcome or Outcome(TrialState.COMPLETED if is_full else TrialState.PAUSED)
        self.rule.finish(number, ended)
        self.proposer.finish(number, ended)
        return values, epochs, verdict


@pytest.fixture
def search():
    return Search()


def test_levels_follow_hyperbands_brackets(search):
    assert [search.trial(n)[1] for n in range(13)] == [1] * 9 + [3] * 3 + [9]


def test_a_trial_pauses_at_its_level_and_a_full_one_runs_to_its_end(search):
    verdicts = [search.trial(n)[2] for n in range(13)]
    assert {v.decision for v in verdicts[:12]} == {Decision.PAUSE}
    assert verdicts[12].decision is Decision.CONTINUE
    assert verdicts[0].reason == "rank 1 of 1 of its population at epoch 1"


def test_children_of_the_better_half_are_better_than_the_first_samples(search):
    values = [search.trial(n)[0] for n in range(80)]
    assert [fault for one in values for fault in SPACE.faults(one)] == []
    assert mean_loss(values[-20:]) < 0.7 * mean_loss(values[:9])


def test_a_better_trial_takes_its_targets_place_and_a_worse_one_does_not(search):
    for number in range(60):
        search.trial(number)
    members = search.populations.members
    losses = search.populations.loss_of
    assert len(members[0]) == search.rule.size(0) == 9
    assert max(losses[n] for n in members[0]) < max(losses[n] for n in range(9))


def test_a_failed_trial_leaves_its_population(search):
    search.trial(0)
    search.rule.start(Continue(0, 9))
    search.rule.finish(0, Outcome(TrialState.FAILED))
    assert search.populations.members[0] == []


def test_a_search_that_would_end_without_a_full_training_resumes_its_best(search):
    values = [search.trial(n)[0] for n in range(5)]
    best = min(range(5), key=lambda n: loss_of(values[n]))
    assert search.rule.resume(is_last_call=False) is None
    assert search.rule.resume(is_last_call=True) == Continue(best, 9)
