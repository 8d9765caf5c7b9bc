"""What every package uses: errors, randomness, files, images, batches."""
