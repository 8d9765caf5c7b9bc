"""The training command line, and the commands beside it."""
