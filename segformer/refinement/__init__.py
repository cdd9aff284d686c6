"""Better models without training, from checkpoints: averages, flips, biases of classes."""
