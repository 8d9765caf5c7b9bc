"""Feature extractors, scores in their features, and the stamp that says how a score was measured."""

from lightning_gans.metrics.digits import DigitFeatures
from lightning_gans.metrics.features import FeatureExtractor
from lightning_gans.metrics.inception import InceptionFeatures
from lightning_gans.metrics.pixels import PixelFeatures
from lightning_gans.metrics.scores import Scores
from lightning_gans.metrics.stacked import StackedDigitFeatures
from lightning_gans.runs.stamp import Stamp

__all__ = [
    "DigitFeatures",
    "FeatureExtractor",
    "InceptionFeatures",
    "PixelFeatures",
    "Scores",
    "StackedDigitFeatures",
    "Stamp",
]
