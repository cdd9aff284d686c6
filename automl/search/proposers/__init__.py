"""What to try next: one sampler a module."""
