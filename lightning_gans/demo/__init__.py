"""The page of ``lightning-gans demo``, which shows a trained model in the browser."""
