"""Search a skill's hyperparameters, track every trial, promote the best one."""

__version__ = "0.1.0"
