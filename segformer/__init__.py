"""SegFormer as a skill: the program that trains, evaluates and exports, and its schemas."""

__version__ = "0.1.0"
