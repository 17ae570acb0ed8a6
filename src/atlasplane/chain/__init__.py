"""Did it change, and through what: one case over its visits."""
