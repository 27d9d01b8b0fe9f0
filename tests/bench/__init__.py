"""Benchmarks: each module is a command that prints figures and keeps them in docs/results."""
