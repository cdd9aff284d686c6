"""The train action: loop, optimiser, checkpoints, status."""
