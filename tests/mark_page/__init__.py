"""Tests of the marking page in a real browser."""
