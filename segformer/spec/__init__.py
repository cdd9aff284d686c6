"""The settings of every action: types, defaults, bounds and rules."""

from segformer.spec.spec import ACTIONS, Spec, parse

__all__ = ["ACTIONS", "Spec", "parse"]
