"""The default search: a model of learning curves chooses the next epoch to train."""
