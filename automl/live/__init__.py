"""The report as a page that grows with its search, and requests by hand from there."""
