"""Jobs: one run of one action each, with an id, a parent and a folder of results.

A search is a job too, whose trials are its children; `automl.jobs.mirror` writes them down.
"""
