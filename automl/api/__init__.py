"""The Python API: the commands as functions, and as methods of an experiment."""
