from samplers import COMPLETED, CRASHED, SPACE, loss_of, mean_loss, tried

from automl.search.base import Observation
from automl.search.proposers.bohb import BohbProposer
from automl.space.space import Parameter, SearchSpace


def proposer(space=SPACE, **options):
    return BohbProposer(space, min_points=6, min_good=3, seed=0, **options)


def test_two_thirds_of_the_later_suggestions_are_near_the_good_trials():
    suggestions = tried(proposer(), 60)
    near = [abs(v["x"] - 0.8) < 0.2 and v["c"] == "b" for v in suggestions[20:]]
    assert sum(near) > 15  # Of 40; samples of the space would give 8.
    assert mean_loss(suggestions[20:]) < 0.8 * mean_loss(suggestions[:6])


def test_losses_at_the_highest_epoch_with_enough_trials_make_the_model():
    """At epoch 1 all point to x = 0, at epoch 3 to x = 1."""
    model = proposer()
    for trial in range(20):
        values = {"x": trial / 19, "n": 1, "c": "a"}
        model.start(trial, values)
        for epoch, loss in ((1, values["x"]), (3, 1 - values["x"])):
            model.report(trial, epoch, (loss,))
        model.finish(trial, COMPLETED)
    xs = [model.suggest(trial)["x"] for trial in range(20, 60)]
    assert sum(x > 0.5 for x in xs) > 25


def test_failed_trials_and_infinite_losses_are_left_out():
    model = proposer()
    for trial in range(12):
        model.start(trial, {"x": 0.1, "n": 1, "c": "a"})
        model.report(trial, 1, (float("inf") if trial % 2 else -9.0,))
        model.finish(trial, CRASHED)
    assert model.suggest(12) == proposer().suggest(12)


def test_an_earlier_experiment_fills_the_model():
    past = [Observation({"x": i / 19, "n": 1, "c": "b"}, (loss_of({"x": i / 19, "c": "b"}),))
            for i in range(20)]  # fmt: skip
    xs = [proposer(past=past).suggest(trial)["x"] for trial in range(40)]
    assert sum(x > 0.6 for x in xs) > 25


def test_inactive_parameters_are_filled_in_from_others():
    space = SearchSpace(
        {
            "on": Parameter("on", "bool", True, choices=(False, True)),
            "p": Parameter("p", "float", 0.5, low=0.0, high=1.0, active_when=({"on": True},)),
        },
        {},
    )
    suggestions = tried(proposer(space), 40, loss=lambda v: v.get("p", 0.2))
    assert [fault for values in suggestions for fault in space.faults(values)] == []
