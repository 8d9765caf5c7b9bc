"""Feature extractors and the scores that are computed from images; knows no trainer."""

from lightning_gans.metrics.digits import DigitFeatures, StackedDigitFeatures
from lightning_gans.metrics.features import FeatureExtractor, ModeFeatures, PixelFeatures
from lightning_gans.metrics.inception import InceptionFeatures
from lightning_gans.metrics.metric_set import MetricSet
from lightning_gans.metrics.natural_images import (
    EfficientNetFeatures,
    NaturalFeatures,
    TimmFeatures,
    TorchvisionFeatures,
)
from lightning_gans.metrics.perceptual import FeatureDistance, PerceptualDistance, TruthDistance

__all__ = [
    "DigitFeatures",
    "EfficientNetFeatures",
    "FeatureDistance",
    "FeatureExtractor",
    "InceptionFeatures",
    "MetricSet",
    "ModeFeatures",
    "NaturalFeatures",
    "PerceptualDistance",
    "PixelFeatures",
    "StackedDigitFeatures",
    "TimmFeatures",
    "TorchvisionFeatures",
    "TruthDistance",
]
