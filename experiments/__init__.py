"""Experiment files, and the scripts behind the figures in README and docs."""
