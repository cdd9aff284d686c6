"""Data sets of images and masks: finding, reading, checking and augmenting pairs."""
