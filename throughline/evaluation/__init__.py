"""What a candidate is worth: metrics with intervals, slices, calibration, importance, pages."""
