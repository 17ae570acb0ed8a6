"""The nouns of the house: quantities, observations, changes, findings, calibration, errors."""
