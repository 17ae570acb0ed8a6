"""Programs that make the package's own data files."""
