"""An experiment on disk: settings, journal, state and the files beside them."""
