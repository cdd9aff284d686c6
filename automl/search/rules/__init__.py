"""How long a trial trains: one stopping rule a module."""
