"""Bars that the software is held against, each measured here; `python -m benchmarks [ID] --json` prints one line a bar."""
