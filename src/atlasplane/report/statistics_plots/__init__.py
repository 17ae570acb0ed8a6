"""Pictures of statistical results: a frozen result goes in, a figure comes out. Needs the extra `stats`."""
