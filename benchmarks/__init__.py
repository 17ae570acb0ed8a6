"""Bars that the software is held against: `python -m benchmarks [ID] --json` prints one line a bar."""
