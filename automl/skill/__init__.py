"""Skills, which can be trained: a folder with schemas, and the program behind it.

A skill is installed (entry point group `automl.skills`), or it is a folder given by its path, whose
actions are commands: see `automl.skill.command.command`.
"""
