"""One sitting of an experiment: search, confirm, promote, close."""
