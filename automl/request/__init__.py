"""What a user asked for, from flags, an experiment file or keywords."""
