"""Layouts of data sets: how a folder says which image has which mask. A new layout goes here."""

from segformer.data.layouts.table import LAYOUTS, layout_of

__all__ = ["LAYOUTS", "layout_of"]
