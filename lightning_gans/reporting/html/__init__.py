"""A report of runs in one HTML file; nothing here loads torch."""
