"""Skills whose actions are commands: any training program with a schema."""
