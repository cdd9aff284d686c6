"""The records of a search at the bottom: trials, moves, objectives, budget."""
