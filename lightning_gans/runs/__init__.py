"""The folder of a run on disk: scores with their stamps, checkpoints, logs, curves."""
