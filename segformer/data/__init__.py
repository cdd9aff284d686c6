"""The data set of pairs of images and masks: found, read, checked, augmented, fed."""
