"""A run's folder on disk: scores with their stamps, checkpoints, logs, curves."""
