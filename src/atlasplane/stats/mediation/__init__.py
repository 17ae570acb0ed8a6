"""Whether an effect passes through a middle quantity, and how fragile that finding is."""
