"""Propagation of uncertainty after JCGM 100 (first and second order) and JCGM 101 (Monte Carlo)."""
