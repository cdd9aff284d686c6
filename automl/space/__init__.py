"""The search space: parameters, their domains and how they depend on each other."""
