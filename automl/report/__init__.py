"""Results of an experiment for people: the text that commands print, and report.html."""
