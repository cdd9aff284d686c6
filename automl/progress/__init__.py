"""Watching an experiment: its events become messages, and a view that a screen draws."""
