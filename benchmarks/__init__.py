"""Bars that the software is held against, measured here: `python -m benchmarks [ID] --json`, one line a bar."""
