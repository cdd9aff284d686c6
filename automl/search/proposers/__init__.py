"""Samplers of values for new trials, one a module."""
