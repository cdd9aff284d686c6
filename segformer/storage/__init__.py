"""Files: written atomically, encrypted, or remote."""
