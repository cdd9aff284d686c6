"""From a trained model to files that are deployed."""
