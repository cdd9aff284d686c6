"""What the recipe of a training brings: comparisons of whole runs with the same wall time."""
