"""Masks that are probably wrong, and unlabelled images worth labelling."""
