"""Whether readings agree: intraclass correlation, error of measurement, detectable change, agreement."""
