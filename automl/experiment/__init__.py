"""An experiment on disk: settings, journal, history and the files beside them."""
