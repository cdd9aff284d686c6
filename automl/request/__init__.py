"""The request of a run, from flags, an experiment file or keywords."""
