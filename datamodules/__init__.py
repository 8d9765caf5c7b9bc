"""Data for GANs as LightningDataModules, chosen by class path."""
