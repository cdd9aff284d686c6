"""The settings of every action: types, defaults, bounds and rules."""
