"""Several persons of one design pooled: random effects, and what to expect of a new person."""
