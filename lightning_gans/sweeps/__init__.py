"""Sweeps over settings from W&B's files, with no service: ``lightning-gans sweep``."""
