"""Benchmarks of search methods: replayed trainings on a simulated clock."""
