"""Measures training steps against a plain loop, the style of common suites and the limit of the machine."""
