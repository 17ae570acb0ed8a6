"""Routes from raw sources to observations; siblings that never import each other."""
