"""This machine: its load, memory and disk, and the leash that ends processes.

Knows no experiment.
"""
