"""Early-stopping rules, one a module."""
