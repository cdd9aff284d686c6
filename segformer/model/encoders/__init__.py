"""The encoders, one family a module."""
