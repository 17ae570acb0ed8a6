"""Films with known truth: everything made here is simulated and says so."""
