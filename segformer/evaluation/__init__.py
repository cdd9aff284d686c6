"""Measuring a model on a labelled split: scores, the evaluate action, models of any format."""
