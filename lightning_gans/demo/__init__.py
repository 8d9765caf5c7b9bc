"""``lightning-gans demo``: a trained model on a page of its own, in the browser."""
