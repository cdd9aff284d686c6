"""Networks and their weights: encoders, the all-MLP head, saved models."""
