"""Sweeps over settings from W&B sweep files, without a service: ``lightning-gans sweep``."""
