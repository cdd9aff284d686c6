from automl.trial.moves import Continue, Done, Start, Wait


def test_moves_are_equal_by_their_content():
    assert Start(0, {"lr": 0.1}, 3) == Start(0, {"lr": 0.1}, 3, parent=None)
    assert Wait() == Wait() and Done() == Done() and Wait() != Done()


def test_a_start_and_a_continue_of_one_trial_are_different_moves():
    assert Start(1, {}, 3) != Continue(1, 3)
