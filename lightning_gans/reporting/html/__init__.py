"""The report: one HTML file that shows several runs."""
