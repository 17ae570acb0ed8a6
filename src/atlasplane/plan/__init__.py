"""From observations to listing, neutral classification, correction vector, and the gates that forbid one."""
