from automl.trial.epochs import EpochCounter


def test_an_epoch_that_a_resumed_trial_reports_again_is_counted_once():
    epochs = EpochCounter()
    epochs.start(0)
    assert [epochs.report(0, epoch) for epoch in (1, 2, 2, 3)] == [1, 1, 0, 1]
    assert epochs.spent == 3


def test_a_copy_begins_with_the_epochs_of_its_parent():
    epochs = EpochCounter()
    epochs.start(0)
    epochs.report(0, 4)
    epochs.start(1, parent=0)
    assert epochs.report(1, 4) == 0 and epochs.report(1, 6) == 2
    assert epochs.spent == 6
