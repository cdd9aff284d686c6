"""Files that are written at once, encrypted, or remote."""
