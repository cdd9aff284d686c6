"""Overlays: YAML files that change a search space."""
