"""Several processes for one action: who runs where, starting them, and what they share."""
