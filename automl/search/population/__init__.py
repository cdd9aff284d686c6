"""Searches that evolve a population of trials."""
