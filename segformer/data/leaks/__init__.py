"""Leaks: images of a data set that are copies or near copies of others."""
