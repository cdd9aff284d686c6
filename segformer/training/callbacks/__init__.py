"""Callbacks of Lightning: checkpoints, averages, reports."""
