"""Many studies at once: pooled effects, heterogeneity, prediction, bias, influence."""
