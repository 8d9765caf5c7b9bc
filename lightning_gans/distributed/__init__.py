"""Training on several processes: the strategy, and batch normalization over all of them."""
