"""Studies, which compare methods at an equal budget: ``lightning-gans study``."""
