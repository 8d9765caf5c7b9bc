"""What every package uses: errors, randomness, files, images, batches."""

__version__ = "0.1.0"
"""The version of the package; the build reads it from here."""
