"""Decides what runs next, and for how long: pure Python, without clock, file or Ray."""
