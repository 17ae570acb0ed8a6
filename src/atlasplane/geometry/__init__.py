"""Planar and spatial geometry: numbers in, frozen results out.

Points are float arrays whose last axis holds the coordinates; every function broadcasts over the leading
axes, so one film and a hundred thousand Monte Carlo draws go through the same code. Nothing here knows of
patients or files.
"""
