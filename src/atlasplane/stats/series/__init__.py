"""Long series and counts: interrupted series, change points, levels, rates."""
