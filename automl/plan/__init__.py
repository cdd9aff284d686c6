"""A checked request: what would run, before anything is written."""
