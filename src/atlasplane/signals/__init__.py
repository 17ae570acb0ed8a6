"""Filters, envelopes, beats and epochs: numbers in, frozen results out; no patient, no file."""
